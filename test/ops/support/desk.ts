import { randomBytes } from 'node:crypto'
import { makeIds } from '../../../src/domain/ids.ts'
import { openDatabase, type Sql } from '../../../src/ledger/index.ts'
import { addOperator, type Operator } from '../../../src/ops/operators.ts'
import { testDatabase } from '../../support/run-servers.ts'
import { insertWaiting } from './waiting-row.ts'

/** A database with operators and payments that wait for a rail, and a pool for each role that meets them. */

export const ids = makeIds(Date.now, randomBytes)
export type Desk = Awaited<ReturnType<typeof openDesk>>
export type DeskOperator = Operator & { password: string; person: string }

export async function openDesk() {
  const database = await testDatabase()
  const pool = (role: 'mooring_owner' | 'mooring_ops' | 'mooring_hub', connections: number): Sql =>
    openDatabase({ url: database.url(role), name: `test-${role}`, connections })
  const owner = pool('mooring_owner', 2)
  const ops = pool('mooring_ops', 4)
  const hub = pool('mooring_hub', 8)
  let made = 0

  /** An operator with a password of their own. */
  async function operator(name: string): Promise<DeskOperator> {
    const password = randomBytes(16).toString('base64url')
    const person = `staff-${name}`
    const added = await addOperator(owner, ids, { name, person, password })
    if (!added.ok) throw new Error(added.error)
    return { ...added.value, password, person }
  }

  /** A top-up whose outcome at the bank is unknown since a minute. */
  async function waiting(amountMinor = 12_345n): Promise<{ id: string; reference: string }> {
    made += 1
    const id = ids.make('pay')
    const reference = `REF${String(made).padStart(8, '0')}`
    await owner`
      insert into ledgers (id, tenant, currency, exponent) values (1, 'default', 'KES', 2) on conflict do nothing`
    await insertWaiting(owner, { id, reference, amountMinor })
    return { id, reference }
  }

  return {
    database,
    owner,
    ops,
    hub,
    operator,
    waiting,
    async close(): Promise<void> {
      await Promise.all([owner, ops, hub].map((sql) => sql.end({ timeout: 1 })))
      await database.drop()
    },
  }
}
