import { untilShort } from '../ledger/index.ts'
import { IDENTITY_LIMITS } from './limits.ts'
import type { Sql } from './sql.ts'

/**
 * Deletes nonces that are past and enrolments that no cap counts any more, all there are: a flood's leavings go as fast as
 * they came. Each batch goes in the order of its table, so that two hubs at once wait for each other and never in a circle.
 */
export async function sweepPast(sql: Sql, stopping?: AbortSignal): Promise<void> {
  const bounds = { rows: IDENTITY_LIMITS.sweep_rows, gapMs: IDENTITY_LIMITS.sweep_gap_ms, stopping }
  await untilShort(bounds, async (rows) => {
    const gone = await sql`
      delete from nonces where ctid = any (array(
        select ctid from nonces where expires_at < statement_timestamp() order by expires_at limit ${rows}))`
    return gone.count
  })
  await untilShort(bounds, async (rows) => {
    const gone = await sql`
      delete from enrolments where ctid = any (array(
        select ctid from enrolments
        where created_at < statement_timestamp() - make_interval(secs => ${IDENTITY_LIMITS.enrolment_kept_ms / 1_000})
        order by created_at limit ${rows}))`
    return gone.count
  })
}
