import type { Sql } from '../../ledger/index.ts'
import type { AttemptRow, Hold, PaymentRow } from '../rows.ts'
import type { RefundBase, RefundRow, RefundState } from './rows.ts'

/** Reads of refunds; writes go through units only (src/ledger/unit.ts). */
export type RefundStore = ReturnType<typeof makeRefundStore>

export type RefundPage = { limit: number; after?: string | undefined; before?: string | undefined }

/**
 * The payment is always read first: every change of a refund raises its payment's version, so a unit that is guarded
 * by that version rests on nothing older than what was read after it.
 */
export function makeRefundStore(sql: Sql) {
  async function refund(id: string): Promise<RefundRow | null> {
    const rows = await sql<RefundRow[]>`select * from refunds where id = ${id}`
    return rows[0] ?? null
  }

  /** What refunds have given back of fee and tax: those that count, and those that were paid after they had failed. */
  async function returned(payment: string): Promise<RefundBase['returned']> {
    const [sum] = await sql<{ fee: bigint; tax: bigint }[]>`
      select coalesce(sum(r.fee), 0)::bigint as fee, coalesce(sum(r.fee_tax), 0)::bigint as tax
      from refunds r
      where r.payment = ${payment} and (r.status <> 'failed' or exists (
        select from evidence e where e.payment = r.id and e.kind = 'settled' and e.state = 'done' and e.moved is not null))`
    return { feeMinor: sum?.fee ?? 0n, taxMinor: sum?.tax ?? 0n }
  }

  return {
    refund,
    returned,

    async state(id: string): Promise<RefundState | null> {
      const [payment] = await sql<PaymentRow[]>`
        select * from payments where id = (select payment from refunds where id = ${id})`
      if (payment === undefined) return null
      const [row, attempts, holds] = await Promise.all([
        refund(id),
        sql<AttemptRow[]>`select * from attempts where payment = ${id} order by no desc limit 1`,
        sql<Hold[]>`select id, ledger from holds where subject = ${id} order by id`,
      ])
      return row === null ? null : { refund: row, payment, attempt: attempts[0] ?? null, holds: [...holds] }
    },

    async base(payment: string): Promise<RefundBase | null> {
      const [row] = await sql<PaymentRow[]>`select * from payments where id = ${payment}`
      if (row === undefined) return null
      const [collects, back] = await Promise.all([
        sql<AttemptRow[]>`
          select * from attempts where payment = ${payment} and operation = 'collect' and state = 'settled'
          order by no desc limit 1`,
        returned(payment),
      ])
      return { payment: row, collect: collects[0] ?? null, returned: back }
    },

    /** A merchant's refunds, newest first; one more than asked tells whether there are more. */
    async ofMerchant(merchant: string, payment: string | undefined, page: RefundPage): Promise<RefundRow[]> {
      const backwards = page.before !== undefined && page.after === undefined
      return sql<RefundRow[]>`
        select * from refunds
        where merchant = ${merchant}
          ${payment === undefined ? sql`` : sql`and payment = ${payment}`}
          ${page.after === undefined ? sql`` : sql`and id < ${page.after}`}
          ${page.before === undefined ? sql`` : sql`and id > ${page.before}`}
        order by id ${backwards ? sql`asc` : sql`desc`}
        limit ${page.limit + 1}`
    },
  }
}
