import type { Ids } from '../domain/ids.ts'
import { err, ok, type Result } from '../domain/result.ts'
import type { Query, Sql } from '../ledger/index.ts'
import { recordOps } from './audit-log.ts'
import { hashPassword } from './password.ts'

/** Who may log in to the ops service. Rows are written by the tables' owner alone. */
export type Operator = { id: string; name: string }

export type NewOperator = { name: string; person: string; password: string }
export type OperatorRefusal = 'name_taken' | 'person_taken' | 'name_invalid' | 'person_invalid' | 'password_short'

const NAME = /^[a-z][a-z0-9._-]{1,31}$/
const PERSON = /^[a-z0-9][a-z0-9._-]{1,63}$/
/** Long rather than odd (NIST SP 800-63B). */
const PASSWORD_LETTERS = 15

/**
 * A further operator. `person` says who it is by a number the company gives once: nobody is two operators, however they
 * are called, so that two approvals are two people's.
 */
export async function addOperator(
  owner: Sql,
  ids: Ids,
  { name, person: personAsGiven, password }: NewOperator,
): Promise<Result<Operator, OperatorRefusal>> {
  const person = personAsGiven.trim().toLowerCase()
  if (!NAME.test(name)) return err('name_invalid')
  if (!PERSON.test(person)) return err('person_invalid')
  if (password.length < PASSWORD_LETTERS) return err('password_short')
  const hash = await hashPassword(password)
  return owner.begin(async (tx) => {
    const id = ids.make('opr')
    const [added] = await tx`
      insert into operators (id, name, person, password) values (${id}, ${name}, ${person}, ${hash})
      on conflict do nothing returning id`
    if (added === undefined) {
      const [named] = await tx`select from operators where name = ${name}`
      return err(named === undefined ? 'person_taken' : 'name_taken')
    }
    await recordOps(tx, { kind: 'operator_added', operator: null, subject: name, detail: { id, person } })
    return ok({ id, name })
  })
}

/** Ends what this operator may do, at once: sessions are refused and approvals count no longer. False: there is none. */
export async function disableOperator(owner: Sql, name: string): Promise<boolean> {
  return owner.begin(async (tx) => {
    const [row] = await tx`
      update operators set disabled_at = clock_timestamp() where name = ${name} and disabled_at is null returning id`
    if (row === undefined) return false
    await recordOps(tx, { kind: 'operator_disabled', operator: null, subject: name, detail: {} })
    return true
  })
}

export async function listOperators(
  sql: Query,
): Promise<{ name: string; person: string; created_at: Date; disabled_at: Date | null }[]> {
  return sql<{ name: string; person: string; created_at: Date; disabled_at: Date | null }[]>`
    select name, person, created_at, disabled_at from operators order by name`
}
