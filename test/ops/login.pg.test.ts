import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { OPS_LIMITS } from '../../src/ops/limits.ts'
import { makeLogin, type Login } from '../../src/ops/login.ts'
import { addOperator, disableOperator } from '../../src/ops/operators.ts'
import { findSession, sweepSessions } from '../../src/ops/sessions.ts'
import { ids, openDesk, type Desk, type DeskOperator } from './support/desk.ts'

let desk: Desk
let amara: DeskOperator
let login: Login
beforeEach(async () => {
  desk = await openDesk()
  amara = await desk.operator('amara')
  login = makeLogin(desk.ops)
})
afterEach(() => desk.close())

const as = (name: string, password: string, address = '10.0.0.1') => login({ name, password, address })
const right = async (address?: string) => as('amara', amara.password, address)
const code = async (answer: ReturnType<Login>) => {
  const said = await answer
  return said.ok ? 'ok' : said.error.code
}
async function token(): Promise<string> {
  const said = await right()
  if (!said.ok) throw new Error(said.error.code)
  return said.value.token
}

describe('a login', () => {
  test('opens a session of its operator, whose token is stored nowhere', async () => {
    const opened = await token()
    expect(await findSession(desk.ops, opened)).toEqual({ id: amara.id, name: 'amara' })
    const rows = await desk.owner`select encode(token_hash, 'base64') as h from operator_sessions`
    expect(JSON.stringify(rows)).not.toContain(opened)
    expect(await findSession(desk.ops, `${opened}x`)).toBeNull()
  })

  test('tells a wrong name from a wrong password to nobody', async () => {
    expect(await as('amara', 'wrong')).toEqual(await as('nobody', 'wrong'))
  })

  test('of an operator is locked after five that failed, also where they come at once and from everywhere', async () => {
    const tries = await Promise.all(
      Array.from({ length: 40 }, async (_, n) => {
        for (;;) {
          const said = await code(as('amara', 'wrong', `10.0.1.${String(n)}`))
          if (said !== 'busy') return said
          await setImmediate()
        }
      }),
    )
    expect(tries.filter((each) => each === 'wrong').length).toBeLessThanOrEqual(OPS_LIMITS.tries_per_operator)
    expect(await code(right())).toBe('locked')
    await desk.owner`update operator_throttle set locked_until = clock_timestamp()`
    expect(await code(right())).toBe('ok')
    expect(await code(as('amara', 'wrong'))).toBe('wrong')
  })

  test('from an address is locked after twenty that failed, for whoever', async () => {
    for (let n = 0; n < OPS_LIMITS.tries_per_address; n += 1) await code(as(`somebody${String(n)}`, 'wrong'))
    expect(await code(right())).toBe('locked')
    expect(await code(right('10.0.0.2'))).toBe('ok')
  })

  test('waits twice as long after each further failure, and a quarter of an hour at most', async () => {
    const waits: number[] = []
    for (let n = 0; n < 20; n += 1) {
      await as('amara', 'wrong', `10.1.0.${String(n)}`)
      const [row] = await desk.owner<{ s: number }[]>`
        update operator_throttle set locked_until = clock_timestamp() where key = 'operator amara'
        returning round(extract(epoch from old.locked_until - old.tried_at))::int as s`
      waits.push(row?.s ?? -1)
    }
    expect(waits.slice(0, 8)).toEqual([0, 0, 0, 0, 1, 2, 4, 8])
    expect(waits.at(-1)).toBe(900)
  })

  test('is in the log, with its address, and so is its refusal; the password is not', async () => {
    await as('amara', 'secret-guess')
    await right()
    const rows = await desk.ops<{ kind: string; detail: string }[]>`select kind, detail from ops_audit order by no`
    expect(rows.map(({ kind }) => kind)).toEqual(['operator_added', 'login_refused', 'login'])
    expect(rows[1]?.detail).toContain('10.0.0.1')
    expect(JSON.stringify(rows)).not.toContain('secret-guess')
    expect(JSON.stringify(rows)).not.toContain(amara.password)
  })
})

describe('a session', () => {
  test.each([
    ['unused for half an hour', `seen_at = clock_timestamp() - interval '30 minutes'`],
    ['older than eight hours', `created_at = clock_timestamp() - interval '8 hours'`],
  ])('%s is over, and is swept', async (_what, change) => {
    const opened = await token()
    await desk.owner.unsafe(`update operator_sessions set ${change}`)
    expect(await findSession(desk.ops, opened)).toBeNull()
    await sweepSessions(desk.ops)
    expect(await desk.owner`select from operator_sessions`).toHaveLength(0)
  })

  test('ends with the operator', async () => {
    const opened = await token()
    await disableOperator(desk.owner, 'amara')
    expect(await findSession(desk.ops, opened)).toBeNull()
    expect(await code(right())).toBe('wrong')
  })
})

test.each([
  ['Amara', 'staff-1', 'a long enough password', 'name_invalid'],
  ['amara2', 'two words', 'a long enough password', 'person_invalid'],
  ['amara2', 'staff-1', 'short', 'password_short'],
])('an operator %s, %s, "%s" is refused: %s', async (name, person, password, error) => {
  expect(await addOperator(desk.owner, ids, { name, person, password })).toEqual({ ok: false, error })
})
