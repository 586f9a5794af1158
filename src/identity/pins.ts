import { createHmac } from 'node:crypto'
import { Lanes } from '../domain/lanes.ts'
import { IDENTITY_LIMITS } from './limits.ts'
import { makeScryptKey, matchesScryptKey } from './scrypt-key.ts'
import type { Sql } from './sql.ts'

/**
 * P1  A guess is counted before it is judged: whatever runs at once, and whichever hub dies, no more are judged than
 *     there are tries.
 * P2  The right PIN, and nothing else, takes the count back.
 * P3  What is stored is worth nothing without the hub's pepper, which the database does not have.
 */
export type Pins = {
  /** Takes one of the user's tries and judges a guess by it. */
  judge(user: string, guess: string): Promise<PinVerdict>
  /** Which PIN the user has; 0: none. Raised with each change. */
  version(user: string): Promise<number>
  /** A PIN as it is stored; null where too much is being judged. */
  secretOf(user: string, pin: string): Promise<string | null>
}

export type PinVerdict =
  /** `version`: of the PIN it was. */
  | { kind: 'right'; version: number }
  /** `lockedForMs`: the tries are used up, and the next is had then. */
  | { kind: 'wrong'; triesLeft: number; lockedForMs: number | null }
  /** Not judged. */
  | { kind: 'locked'; lockedForMs: number }
  | { kind: 'none' }
  | { kind: 'busy' }

type Try = { secret: string; version: number; failures: number; lockedForMs: number | null }

export function makePins(deps: { sql: Sql; pepper: Uint8Array }): Pins {
  const { sql } = deps
  const lanes = new Lanes({
    lanes: IDENTITY_LIMITS.pin_lanes,
    owners: IDENTITY_LIMITS.pins_waiting,
    behindOne: IDENTITY_LIMITS.pins_waiting_of_user,
    behindAll: IDENTITY_LIMITS.pins_waiting_behind,
  })

  /** Under the user's name too: one PIN chosen by two is not stored alike. */
  function keyed(user: string, pin: string): Uint8Array {
    return createHmac('sha256', deps.pepper).update(`mooring:pin\0${user}\0${pin}`).digest()
  }

  async function judgeNow(user: string, guess: string): Promise<PinVerdict> {
    const begun = await beginTry(sql, user)
    if (begun.kind !== 'begun') return begun
    const { secret, version, failures, lockedForMs } = begun
    if (!(await matchesScryptKey(keyed(user, guess), secret))) {
      return { kind: 'wrong', triesLeft: Math.max(0, IDENTITY_LIMITS.pin_tries - failures), lockedForMs }
    }
    await sql`update pins set failures = 0, locked_until = null where user_id = ${user} and version = ${version}`
    return { kind: 'right', version }
  }

  return {
    judge: async (user, guess) => (await lanes.run(user, () => judgeNow(user, guess))) ?? { kind: 'busy' },

    async version(user) {
      const [row] = await sql<{ version: number }[]>`select version from pins where user_id = ${user}`
      return row?.version ?? 0
    },

    secretOf: (user, pin) => lanes.run(user, () => makeScryptKey(keyed(user, pin))),
  }
}

type Begun = ({ kind: 'begun' } & Try) | Extract<PinVerdict, { kind: 'locked' | 'none' }>

/** After the last try a lock that doubles with each further failure: one guess is had whenever it is past. */
async function beginTry(sql: Sql, user: string): Promise<Begun> {
  const { pin_tries: tries, pin_lock_ms: first, pin_lock_doublings: doublings } = IDENTITY_LIMITS
  const [begun] = await sql<Try[]>`
    update pins
    set failures = failures + 1,
      locked_until = case when failures + 1 >= ${tries}::integer then clock_timestamp()
        + make_interval(secs => ${first / 1_000}::float8 * 2 ^ least(failures + 1 - ${tries}::integer, ${doublings}::integer)) end
    where user_id = ${user} and (locked_until is null or locked_until <= clock_timestamp())
    returning secret, version, failures,
      (extract(epoch from locked_until - clock_timestamp()) * 1000)::float8 as "lockedForMs"`
  if (begun !== undefined) {
    const { lockedForMs } = begun
    return { kind: 'begun', ...begun, lockedForMs: lockedForMs === null ? null : Math.ceil(lockedForMs) }
  }
  const [row] = await sql<{ lockedForMs: number | null }[]>`
    select (extract(epoch from locked_until - clock_timestamp()) * 1000)::float8 as "lockedForMs"
    from pins where user_id = ${user}`
  if (row === undefined) return { kind: 'none' }
  // Past meanwhile, or taken back by a right one: the next guess is judged.
  return { kind: 'locked', lockedForMs: Math.max(1, Math.ceil(row.lockedForMs ?? 1)) }
}
