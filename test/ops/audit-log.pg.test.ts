import { afterEach, beforeEach, expect, test } from 'vitest'
import { recordOps, verifyOpsAudit } from '../../src/ops/audit-log.ts'
import { behindTriggers } from '../ledger/support/history.ts'
import { openDesk, type Desk } from './support/desk.ts'

/** Whoever alters what operators did is found, row by row. */

let desk: Desk
beforeEach(async () => {
  desk = await openDesk()
  for (const subject of ['pay_1', 'pay_2', null, 'pay_4', 'pay_5']) {
    await recordOps(desk.ops, { kind: 'payment_viewed', operator: 'amara', subject, detail: { of: 'Zoë, 1:2' } })
  }
})
afterEach(() => desk.close())

const verdict = (kept?: string) => verifyOpsAudit(desk.ops, kept)

test('a log as it was written is whole, and its head stands for it', async () => {
  const { head, ...said } = await verdict()
  expect(said).toEqual({ rows: 5, fault: null })
  await recordOps(desk.ops, { kind: 'logout', operator: 'amara', subject: null, detail: {} })
  expect(await verdict(head?.hash)).toMatchObject({ rows: 6, fault: null })
})

test('fifty who write at once make one chain', async () => {
  await Promise.all(
    Array.from({ length: 50 }, (_, n) =>
      recordOps(desk.ops, { kind: 'login', operator: `op${String(n)}`, subject: null, detail: {} }),
    ),
  )
  expect(await verdict()).toMatchObject({ rows: 55, fault: null })
})

test.each([
  ['update', `update ops_audit set operator = 'joseph' where no = 3`, 3n, 'altered'],
  ['time', `update ops_audit set at = at + interval '1 microsecond' where no = 2`, 2n, 'altered'],
  ['moved border', `update ops_audit set operator = 'amar', subject = 'apay_4' where no = 4`, 4n, 'altered'],
  ['none for empty', `update ops_audit set subject = '' where no = 3`, 3n, 'altered'],
  ['deletion', 'delete from ops_audit where no = 2', 2n, 'missing'],
])('names the first row that is not as it was: %s', async (_what, statement, no, what) => {
  await behindTriggers(desk.owner, 'ops_audit', (tx) => tx.unsafe(statement))
  expect((await verdict()).fault).toEqual({ no, what })
})

test('a row altered together with its hash is found by the next one', async () => {
  await behindTriggers(desk.owner, 'ops_audit', (tx) =>
    tx.unsafe(`
      update ops_audit set detail = '{}', hash = ops_audit_hash(previous, no, at, kind, operator, subject, '{}')
      where no = 2`),
  )
  expect((await verdict()).fault).toEqual({ no: 3n, what: 'altered' })
})

test('a chain written anew, or cut at its end, is found by a head kept elsewhere', async () => {
  const { head } = await verdict()
  await behindTriggers(desk.owner, 'ops_audit', (tx) => tx.unsafe('delete from ops_audit where no = 5'))
  expect((await verdict()).fault).toBeNull()
  expect((await verdict(head?.hash)).fault).toEqual({ no: 4n, what: 'rewritten' })
})

test.each(['mooring_ops', 'mooring_owner'] as const)('%s can neither alter nor delete a row', async (role) => {
  const sql = role === 'mooring_ops' ? desk.ops : desk.owner
  await expect(sql`update ops_audit set operator = null`).rejects.toThrow()
  await expect(sql`delete from ops_audit`).rejects.toThrow()
})
