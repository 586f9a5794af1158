import { err, ok, type Result } from '../domain/result.ts'
import type { Sql } from '../ledger/index.ts'
import { recordOps } from './audit-log.ts'
import { OPS_LIMITS } from './limits.ts'
import type { Operator } from './operators.ts'
import { isPassword } from './password.ts'
import { openSession } from './sessions.ts'
import { countTry, forgiveTry } from './throttle.ts'

export type LoginRefusal = { code: 'wrong' } | { code: 'locked'; retryAfterMs: number } | { code: 'busy' }
export type Login = (tried: {
  name: string
  password: string
  address: string
}) => Promise<Result<{ operator: Operator; token: string }, LoginRefusal>>

/** Longer than any operator's name: what was typed there goes no further. */
const NAME_KEPT = 40

/** Logins of one process: throttled an operator and an address, each in the log, wrong name and wrong password alike. */
export function makeLogin(sql: Sql): Login {
  let checking = 0
  return async ({ name: asTyped, password, address }) => {
    const name = asTyped.slice(0, NAME_KEPT)
    const keys = { address: `address ${address}`, operator: `operator ${name}` }
    const refused = async (refusal: LoginRefusal) => {
      await recordOps(sql, { kind: 'login_refused', operator: null, subject: name, detail: { address, ...refusal } })
      return err(refusal)
    }
    // Not in the log: it would be one line for each of a flood.
    if (checking >= OPS_LIMITS.password_checks) return err({ code: 'busy' })
    checking += 1
    try {
      const wait =
        (await countTry(sql, keys.address, OPS_LIMITS.tries_per_address)) ??
        (await countTry(sql, keys.operator, OPS_LIMITS.tries_per_operator))
      if (wait !== null) return await refused({ code: 'locked', retryAfterMs: wait })
      const [row] = await sql<(Operator & { password: string })[]>`
        select id, name, password from operators where name = ${name} and disabled_at is null`
      const right = await isPassword(password, row?.password)
      if (!right || row === undefined) return await refused({ code: 'wrong' })
      await forgiveTry(sql, keys.operator, keys.address)
      const operator = { id: row.id, name: row.name }
      const token = await sql.begin(async (tx) => {
        await recordOps(tx, { kind: 'login', operator: name, subject: name, detail: { address } })
        return openSession(tx, operator.id)
      })
      return ok({ operator, token })
    } finally {
      checking -= 1
    }
  }
}
