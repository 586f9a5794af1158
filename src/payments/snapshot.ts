import { SOCKET_LIMITS, type SnapshotBody } from '../contract/index.ts'
import { feedOf, type SocketHolder } from '../identity/index.ts'
import type { Query } from '../ledger/index.ts'
import { balancesOf } from './commands/index.ts'
import type { PaymentIds } from './events.ts'
import type { PaymentRow } from './rows.ts'
import { paymentView } from './view.ts'

const LIMITS = { open: SOCKET_LIMITS.snapshot_open_payments, ended: SOCKET_LIMITS.snapshot_ended_payments }

type SnapshotRow = PaymentRow & { open: boolean }

/** What a client has to know to begin from: the newest open payments, the last ended ones, a user's balances. */
export async function snapshotOf(
  sql: Query,
  holder: SocketHolder,
  { currency, ids }: { currency: string; ids: PaymentIds },
): Promise<SnapshotBody> {
  if (holder.holder === 'merchant') {
    const { merchant } = holder
    const { shown, more } = cut(
      holder.store === null ? await ofMerchant(sql, merchant) : await ofStore(sql, feedOf(holder)),
    )
    const viewer = { merchant, payerAlias: ids.payerAlias }
    return { payments: shown.map((row) => paymentView(row, viewer)), ...more }
  }
  const { user } = holder
  const { shown, more } = cut(await ofUser(sql, user))
  return {
    payments: shown.map((row) => paymentView(row, row.payer === user ? 'payer' : 'payee')),
    balances: await balancesOf(sql, user, currency),
    ...more,
  }
}

function cut(rows: readonly SnapshotRow[]): { shown: PaymentRow[]; more: { more?: true } } {
  const open = rows.filter((row) => row.open)
  return {
    shown: [...open.slice(0, LIMITS.open), ...rows.filter((row) => !row.open)],
    more: open.length > LIMITS.open ? { more: true } : {},
  }
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
