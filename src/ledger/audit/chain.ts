import type { Query } from '../database.ts'
import { verifyIn } from '../history/index.ts'
import { type Finding, LISTED } from './finding.ts'

/** Transfers are those that were sealed: sums name the accounts that are wrong, this the transfer, whatever of it was altered. */
export async function chain(sql: Query): Promise<Finding> {
  const { faults } = await verifyIn(sql)
  return { broken: faults.slice(0, LISTED).map(({ text }) => text) }
}
