import { type PaymentView, SOCKET_LIMITS, type SnapshotBody } from '../contract/index.ts'
import { feedOf, type SocketHolder } from '../identity/index.ts'
import type { Query } from '../ledger/index.ts'
import { balancesOf } from './commands/index.ts'
import type { PaymentIds } from './events.ts'
import { fitting, PAGE_BYTES_MAX } from './page.ts'
import type { PaymentRow } from './rows.ts'
import { paymentView } from './view.ts'

const LIMITS = { open: SOCKET_LIMITS.snapshot_open_payments, ended: SOCKET_LIMITS.snapshot_ended_payments }

/** Room for the ended ones: all of them, with as much on each as may be. */
const ENDED_BYTES = PAGE_BYTES_MAX / 3

type SnapshotRow = PaymentRow & { open: boolean }

/** What a client has to know to begin from: the newest open payments, the last ended ones, a user's balances. */
export async function snapshotOf(
  sql: Query,
  holder: SocketHolder,
  { currency, ids }: { currency: string; ids: PaymentIds },
): Promise<SnapshotBody> {
  if (holder.holder === 'merchant') {
    const { merchant } = holder
    const viewer = { merchant, payerAlias: ids.payerAlias }
    return cut(holder.store === null ? await ofMerchant(sql, merchant) : await ofStore(sql, feedOf(holder)), (row) =>
      paymentView(row, viewer),
    )
  }
  const { user } = holder
  const parts = cut(await ofUser(sql, user), (row) => paymentView(row, row.payer === user ? 'payer' : 'payee'))
  return { ...parts, balances: await balancesOf(sql, user, currency) }
}

/** What is shown and fits into one answer; merchants may hang so much on payments that not all do. */
function cut(
  rows: readonly SnapshotRow[],
  view: (row: PaymentRow) => PaymentView,
): { payments: PaymentView[]; more?: true } {
  const views = (open: boolean) => rows.filter((row) => row.open === open).map(view)
  const [open, ended] = [views(true), views(false)]
  const shown = [...fitting(open.slice(0, LIMITS.open), PAGE_BYTES_MAX - ENDED_BYTES), ...fitting(ended, ENDED_BYTES)]
  return { payments: shown, ...(shown.length < rows.length ? { more: true } : {}) }
}

/*
 * Each branch walks one index from its newest end, so the size of a history costs nothing: what is open one that has
 * nothing else, what has ended past those that are open.
 */

function ofUser(sql: Query, user: string): Promise<SnapshotRow[]> {
  return sql<SnapshotRow[]>`
    (select *, true as open from (
      (select * from payments where payer = ${user} and status not in ('succeeded', 'failed', 'canceled', 'expired')
       order by id desc limit ${LIMITS.open + 1})
      union
      (select * from payments where payee = ${user} and merchant is null and status not in ('succeeded', 'failed', 'canceled', 'expired')
       order by id desc limit ${LIMITS.open + 1})
    ) o order by id desc limit ${LIMITS.open + 1})
    union all
    (select *, false as open from (
      (select * from payments where payer = ${user} and status in ('succeeded', 'failed', 'canceled', 'expired')
       order by id desc limit ${LIMITS.ended})
      union
      (select * from payments where payee = ${user} and merchant is null and status in ('succeeded', 'failed', 'canceled', 'expired')
       order by id desc limit ${LIMITS.ended})
    ) e order by id desc limit ${LIMITS.ended})`
}

function ofMerchant(sql: Query, merchant: string): Promise<SnapshotRow[]> {
  return sql<SnapshotRow[]>`
    (select *, true as open from payments
     where merchant = ${merchant} and status not in ('succeeded', 'failed', 'canceled', 'expired')
     order by id desc limit ${LIMITS.open + 1})
    union all
    (select *, false as open from payments
     where merchant = ${merchant} and status in ('succeeded', 'failed', 'canceled', 'expired')
     order by id desc limit ${LIMITS.ended})`
}

function ofStore(sql: Query, store: string): Promise<SnapshotRow[]> {
  return sql<SnapshotRow[]>`
    (select *, true as open from payments
     where store = ${store} and status not in ('succeeded', 'failed', 'canceled', 'expired')
     order by id desc limit ${LIMITS.open + 1})
    union all
    (select *, false as open from payments
     where store = ${store} and status in ('succeeded', 'failed', 'canceled', 'expired')
     order by id desc limit ${LIMITS.ended})`
}
