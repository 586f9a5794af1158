import fc from 'fast-check'

/**
 * What a sequence of units is drawn from. Everything is named by small numbers, which world.ts gives
 * their meaning: ids, accounts and holds come up again and again, so that units meet.
 */

export const MAX = 2n ** 63n - 1n

const amount = fc.oneof(
  { weight: 80, arbitrary: fc.bigInt({ min: 1n, max: 60n }) },
  { weight: 6, arbitrary: fc.bigInt({ min: 1n, max: 1_000n }) },
  { weight: 2, arbitrary: fc.constantFrom(0n, -1n) },
  { weight: 1, arbitrary: fc.constantFrom(MAX / 2n, MAX - 100n, MAX, MAX + 1n) },
)

const STATES = ['prepared', 'dispatched', 'pending', 'unknown', 'settled', 'declined'] as const

/** The first accounts of the world are the ones that matter; the last ones are of another ledger, or of none. */
const account = fc.oneof({ weight: 30, arbitrary: fc.nat({ max: 9 }) }, { weight: 1, arbitrary: fc.nat({ max: 12 }) })

const spend = fc
  .record({
    is: fc.constant('spend' as const),
    kind: fc.constantFrom('post' as const, 'reserve' as const, 'reserve' as const),
    debit: account,
    credit: account,
    amount,
    upTo: fc.nat({ max: 2 }),
    elsewhere: fc.nat({ max: 59 }),
    expires: fc.constantFrom('never' as const, 'never' as const, 'past' as const, 'ahead' as const),
    subject: fc.nat({ max: 5 }),
  })
  // Two accounts that are the same tell little: seldom.
  .map((drawn) =>
    drawn.debit === drawn.credit && drawn.elsewhere > 5 ? { ...drawn, credit: (drawn.credit + 1) % 10 } : drawn,
  )

const end = fc.record({
  is: fc.constant('end' as const),
  kind: fc.constantFrom('confirm' as const, 'confirm' as const, 'void' as const, 'expire' as const),
  /** One of the latest reserves asked for, or of the latest legs of any kind. */
  hold: fc.nat({ max: 5 }),
  ofLegs: fc.nat({ max: 9 }).map((n) => n === 0),
  amount: fc.option(amount),
  /** For something else than its hold. */
  stray: fc.nat({ max: 39 }).map((n) => n === 0),
})

/** A leg that came before, its id with this much of it changed. */
const again = fc.record({
  is: fc.constant('again' as const),
  leg: fc.nat({ max: 12 }),
  change: fc.constantFrom(
    'nothing' as const,
    'nothing' as const,
    'kind' as const,
    /** A spend's id as the end of a hold, or the other way round. */
    'turned' as const,
    'amount' as const,
    /** A confirm of all of its hold; drawn often, for it takes a hold confirmed in part to tell. */
    'whole' as const,
    'whole' as const,
    'whole' as const,
    'debit' as const,
    'credit' as const,
    'pending' as const,
    'pending' as const,
    'pending' as const,
    'up_to' as const,
  ),
})

const leg = fc.oneof({ weight: 10, arbitrary: spend }, { weight: 8, arbitrary: end }, { weight: 5, arbitrary: again })

const flag = fc.record({
  account,
  set: fc.constantFrom(
    'freeze' as const,
    'unfreeze' as const,
    'unfreeze' as const,
    'close' as const,
    'reopen' as const,
    'reopen' as const,
  ),
})

/** Nothing, but for one in so many. */
const seldom = <T>(oneIn: number, arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: oneIn - 1, arbitrary: fc.constant(null) }, { weight: 1, arbitrary })

/** What is asked of the world before anything moves. Versions go round, so that a drawn one is often the right one. */
const asked = {
  key: seldom(8, fc.record({ key: fc.nat({ max: 5 }), other: fc.nat({ max: 4 }).map((n) => n === 0) })),
  payment: seldom(
    10,
    fc.record({
      payment: fc.nat({ max: 3 }),
      version: fc.integer({ min: 1, max: 2 }),
      unexpired: fc.boolean(),
      movesWhenRefused: fc.boolean(),
    }),
  ),
  attempt: seldom(
    16,
    fc.record({
      payment: fc.nat({ max: 3 }),
      states: fc.uniqueArray(fc.constantFrom(...STATES), { minLength: 1 }),
      next: fc.constantFrom(...STATES),
      token: fc.constantFrom('none' as const, 'right' as const, 'right' as const, 'wrong' as const),
    }),
  ),
  /** Makes a payment that is there already. */
  reborn: fc.nat({ max: 99 }).map((n) => n === 0),
  /** Whether a refusal writes something too. */
  tells: fc.boolean(),
}

const fresh = fc.record({
  is: fc.constant('fresh' as const),
  legs: fc.oneof(
    { weight: 4, arbitrary: fc.array(leg, { minLength: 1, maxLength: 1 }) },
    { weight: 3, arbitrary: fc.array(leg, { maxLength: 4 }) },
  ),
  flags: fc.array(flag, { maxLength: 2 }),
  isFlagged: fc.nat({ max: 14 }).map((n) => n === 0),
  /** Whether legs may be `up_to` a total. */
  gather: fc.nat({ max: 3 }).map((n) => n === 0),
  total: fc.option(amount, { freq: 15 }),
  ...asked,
})

const repeated = fc.record({
  is: fc.constant('repeated' as const),
  unit: fc.nat({ max: 20 }),
  same: fc.nat({ max: 3 }).map((n) => n > 0),
})

export const sequences = fc.record({
  batchUnits: fc.integer({ min: 1, max: 60 }),
  units: fc.array(fc.oneof({ weight: 12, arbitrary: fresh }, { weight: 1, arbitrary: repeated }), {
    minLength: 1,
    maxLength: 140,
    size: 'max',
  }),
})

export type Sequence = typeof sequences extends fc.Arbitrary<infer T> ? T : never
export type DrawnUnit = Sequence['units'][number]
export type Fresh = Extract<DrawnUnit, { is: 'fresh' }>
export type DrawnLeg = Extract<DrawnUnit, { is: 'fresh' }>['legs'][number]
