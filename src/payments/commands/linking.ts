import { lowestIdAt } from '../../domain/ids.ts'
import { refuse, type Refusal } from '../../domain/refusal.ts'
import type { PaymentDeps } from '../deps.ts'
import type { SourceRow } from '../rows.ts'

/** How many accounts a user may link, of whatever type: rows are kept, and each that waits for its bank is asked about for ever. */

export const LINKED_MAX = 100
/** Links of a user within a day, those unlinked since included: who links and unlinks all the time fills a table and feeds. */
const LINKED_A_DAY = 200
const DAY_MS = 24 * 3_600_000

/** Why this account would be one too many; null where it is linked already, or may be. */
export async function tooManyLinked(
  deps: Pick<PaymentDeps, 'store' | 'clock'>,
  user: string,
  { type, bank, account }: Pick<SourceRow, 'type' | 'bank' | 'account'>,
): Promise<Refusal | null> {
  const dayAgo = lowestIdAt('src', deps.clock.now() - DAY_MS)
  const { linked, since } = await deps.store.linkCounts(user, dayAgo, LINKED_A_DAY)
  if (linked < LINKED_MAX && since < LINKED_A_DAY) return null
  if ((await deps.store.linkedSource(user, bank, account)) !== null) return null
  const message =
    linked < LINKED_MAX
      ? `At most ${String(LINKED_A_DAY)} accounts can be linked in a day; try again tomorrow.`
      : `At most ${String(LINKED_MAX)} accounts can be linked; unlink one first.`
  return refuse('limit_exceeded', message, { param: type === 'bank' ? 'account' : 'operator' })
}
