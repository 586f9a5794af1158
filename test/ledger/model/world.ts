import { randomUUID } from 'node:crypto'
import type { Sql, TransferInput, Unit } from '../../../src/ledger/index.ts'
import type { Books, ModelAccount } from './books.ts'
import { aroundOf, births, paymentsOf, toldTo } from './around.ts'
import type { DrawnLeg, DrawnUnit, Sequence } from './sequences.ts'

/** Gives the small numbers of a drawn sequence their meaning: accounts of its own, ids, holds, subjects. */
export type World = {
  accounts: readonly string[]
  ledger: number
  other: number
  /** What transfers are for: some are payments of the world's own. */
  subjects: readonly string[]
  /** Told by every unit: it names the lane they all go by (src/ledger/lanes.ts). */
  feed: string
}

/** `of`: a further row of the account that has this place. */
type Shape = { debits?: true; credits?: true; allowance?: bigint; elsewhere?: true; of?: number }
const DEBITS_FIT = { debits: true } as const
const CREDITS_FIT = { credits: true } as const
const SHAPES: readonly Shape[] = [
  {},
  DEBITS_FIT,
  { ...DEBITS_FIT, allowance: 50n },
  CREDITS_FIT,
  { ...CREDITS_FIT, allowance: 30n },
  { ...DEBITS_FIT, ...CREDITS_FIT, allowance: 40n },
  {},
  { of: 0 },
  { ...DEBITS_FIT, of: 1 },
  { ...DEBITS_FIT, of: 1 },
  { elsewhere: true },
  { ...DEBITS_FIT, elsewhere: true },
]

/** Opens a sequence's accounts; one more id stands for an account nobody opened. */
export async function openWorld(
  sql: Sql,
  given: Pick<World, 'ledger' | 'other' | 'feed'> & { subjects: readonly string[]; attempts: Books['attempts'] },
): Promise<{ world: World; books: Books }> {
  const shard = (n: number) => SHAPES.slice(0, n).filter(({ of }) => of === SHAPES[n]?.of).length + 1
  const created = SHAPES.map(() => randomUUID())
  const accounts = SHAPES.map(
    ({ debits = false, credits = false, allowance = 0n, elsewhere = false, of }, n): ModelAccount => ({
      id: created[n] ?? '',
      main: created[of ?? n] ?? '',
      ledger: elsewhere ? given.other : given.ledger,
      debitsMustNotExceedCredits: debits,
      creditsMustNotExceedDebits: credits,
      allowance,
      frozen: false,
      closed: false,
      debitsPending: 0n,
      debitsPosted: 0n,
      creditsPending: 0n,
      creditsPosted: 0n,
    }),
  )
  const rows = accounts.map((account, n) => ({
    ledger: account.ledger,
    id: account.id,
    main: account.main,
    shard: SHAPES[n]?.of === undefined ? 0 : shard(n),
    code: 2010,
    name: `model:${account.main}`,
    owner: null,
    debits_must_not_exceed_credits: account.debitsMustNotExceedCredits,
    credits_must_not_exceed_debits: account.creditsMustNotExceedDebits,
    allowance: account.allowance.toString(),
  }))
  await sql`select open_accounts(${JSON.stringify(rows)}::text::jsonb)`
  return {
    world: {
      ledger: given.ledger,
      other: given.other,
      feed: given.feed,
      subjects: [...given.subjects, ...paymentsOf(given.feed)],
      accounts: [...accounts.map(({ id }) => id), randomUUID()],
    },
    books: {
      accounts: new Map(accounts.map((account) => [account.id, account])),
      transfers: new Map(),
      failed: new Set(),
      payments: new Map(),
      attempts: new Map(given.attempts),
      keys: new Map(),
      events: [],
    },
  }
}

/** The units to apply, in order. `ops`: how many transfers and flags they ask for. */
export function unitsOf(sequence: Sequence, world: World): { units: Unit[]; ops: number } {
  const legs: TransferInput[] = []
  const reserves: string[] = []
  const units: Unit[] = []
  const at = <T>(list: readonly T[], back: number): T | undefined => list[list.length - 1 - back]
  const account = (n: number): string => world.accounts[n] ?? ''

  /** Something to spend, or to be taken from, to begin with. */
  function fund(n: number): Unit {
    const [debit, credit] = SHAPES[n]?.debits === true ? [account(0), account(n)] : [account(n), account(0)]
    const { ledger } = world
    const leg = { id: randomUUID(), ledger, kind: 'post', debit, credit, amount: '200', subject: 'model' } as const
    return { id: randomUUID(), transfers: [leg], ok: { events: [toldTo(world.feed)] } }
  }

  function legOf(drawn: DrawnLeg, gather: boolean): TransferInput {
    switch (drawn.is) {
      case 'spend': {
        const { kind, expires } = drawn
        return {
          id: randomUUID(),
          ledger: drawn.elsewhere === 0 ? world.other : world.ledger,
          kind,
          debit: account(drawn.debit),
          credit: account(drawn.credit),
          amount: drawn.amount.toString(),
          subject: world.subjects[drawn.subject] ?? '',
          ...(gather && drawn.upTo > 0 ? { up_to: true as const } : {}),
          ...(kind === 'reserve' && expires !== 'never' ? { expires_at: expires === 'past' ? PAST : AHEAD } : {}),
        }
      }
      case 'end': {
        const { kind, amount, stray } = drawn
        const latest = drawn.ofLegs ? legs.map(({ id }) => id) : reserves
        const pending = at(latest, drawn.hold % (latest.length + 1)) ?? randomUUID()
        const partly = kind === 'confirm' && amount !== null ? { amount: amount.toString() } : {}
        const subject = stray ? 'stray' : (legs.find(({ id }) => id === pending)?.subject ?? 'model')
        return { id: randomUUID(), ledger: world.ledger, kind, pending, subject, ...partly }
      }
      case 'again': {
        const before = at(legs, drawn.leg)
        return before === undefined
          ? { id: randomUUID(), ledger: world.ledger, kind: 'void', pending: randomUUID(), subject: 'model' }
          : changed(before, drawn.change, gather)
      }
    }
  }

  /** The same id; what differs is for the ledger to find. */
  function changed(
    before: TransferInput,
    change: Extract<DrawnLeg, { is: 'again' }>['change'],
    gather: boolean,
  ): TransferInput {
    if ('pending' in before) {
      if (change === 'turned') {
        const { id, ledger, subject } = before
        return { id, ledger, kind: 'post', debit: account(0), credit: account(2), amount: '5', subject }
      }
      if (change === 'whole' && before.kind === 'confirm') {
        const { amount: _, ...whole } = before
        return whole
      }
      if (change === 'kind') return { ...before, kind: before.kind === 'void' ? 'expire' : 'void' }
      if (change === 'pending') return { ...before, pending: at(reserves, 0) ?? randomUUID() }
      if (change === 'amount' && before.kind === 'confirm') return { ...before, amount: '7' }
      return before
    }
    if (change === 'turned') {
      const { id, ledger, subject } = before
      return { id, ledger, kind: 'void', pending: at(reserves, 0) ?? randomUUID(), subject }
    }
    // `up_to` has a meaning only in a unit that gathers.
    const { up_to: _, ...plain } = before
    const leg = gather ? before : plain
    if (change === 'kind') return { ...leg, kind: leg.kind === 'post' ? 'reserve' : 'post' }
    if (change === 'amount') return { ...leg, amount: (BigInt(leg.amount) + 1n).toString() }
    if (change === 'debit') return { ...leg, debit: account(1) }
    if (change === 'credit') return { ...leg, credit: account(2) }
    if (change === 'up_to' && gather) return { ...leg, up_to: true }
    return leg
  }

  function unitOf(drawn: DrawnUnit): Unit {
    if (drawn.is === 'repeated') {
      const before = at(units, drawn.unit) ?? { id: randomUUID(), ok: { events: [toldTo(world.feed)] } }
      return drawn.same
        ? before
        : { ...before, flags: [{ account: account(0), set: 'unfreeze' }, ...(before.flags ?? [])] }
    }
    const transfers = drawn.legs.map((leg) => {
      const made = legOf(leg, drawn.gather)
      legs.push(made)
      if (made.kind === 'reserve') reserves.push(made.id)
      return made
    })
    const flags = drawn.isFlagged ? drawn.flags.map(({ account: n, set }) => ({ account: account(n), set })) : []
    return {
      id: randomUUID(),
      ...(transfers.length === 0 ? {} : { transfers }),
      ...(flags.length === 0 ? {} : { flags }),
      ...(drawn.gather && drawn.total !== null ? { total: drawn.total.toString() } : {}),
      ...aroundOf(drawn, world),
    }
  }

  for (const n of FUNDED) units.push(fund(n))
  units.push(...births(world))
  for (const drawn of sequence.units) units.push(unitOf(drawn))
  const ops = units.reduce((sum, unit) => sum + (unit.transfers?.length ?? 0) + (unit.flags?.length ?? 0), 0)
  return { units, ops }
}

/** Accounts with a flag that are given something. */
const FUNDED = [1, 2, 3, 4]
const PAST = '2020-01-01T00:00:00.000Z'
const AHEAD = '2100-01-01T00:00:00.000Z'
