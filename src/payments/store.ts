import type { PaymentStatus } from '../contract/names.ts'
import type { HeldLeg } from '../domain/accounting/index.ts'
import type { Sql } from '../ledger/index.ts'
import { makeRefundStore } from './refunds/store.ts'
import { ofStatus } from './of-status.ts'
import type { AttemptRow, Hold, PaymentRow, PaymentState, SourceRow } from './rows.ts'

/** Reads of payments; writes go through units only (src/ledger/unit.ts). */
export type PaymentStore = ReturnType<typeof makePaymentStore>

/** The attempt's columns ride along under this prefix, so that one statement sees both. */
const ATTEMPT_PREFIX = 'attempt_'

type JoinedRow = PaymentRow & { holds: Hold[] } & Record<string, unknown>

export function makePaymentStore(sql: Sql) {
  return {
    refunds: makeRefundStore(sql),

    async state(id: string): Promise<PaymentState | null> {
      const rows = await sql<JoinedRow[]>`
        select p.*,
a.payment as attempt_payment, a.no as attempt_no, a.ledger as attempt_ledger, a.rail as attempt_rail,
          a.operation as attempt_operation, a.reference as attempt_reference, a.uetr as attempt_uetr,
          a.amount as attempt_amount, a.currency as attempt_currency, a.account as attempt_account,
          a.account_holder as attempt_account_holder, a.mandate_id as attempt_mandate_id,
          a.mandate_signed_on as attempt_mandate_signed_on, a.description as attempt_description,
          a.merchant as attempt_merchant, a.merchant_name as attempt_merchant_name, a.original as attempt_original,
          a.step as attempt_step, a.state as attempt_state, a.asks as attempt_asks, a.input as attempt_input,
          a.memo as attempt_memo, a.evidence as attempt_evidence, a.dispatch_token as attempt_dispatch_token,
          a.dispatched_at as attempt_dispatched_at, a.sends as attempt_sends, a.inquiries as attempt_inquiries,
          a.next_look_at as attempt_next_look_at, a.failure_code as attempt_failure_code,
          a.failure_message as attempt_failure_message, a.rail_reference as attempt_rail_reference,
          a.updated_at as attempt_updated_at,
          coalesce((select json_agg(json_build_object('id', h.id, 'ledger', h.ledger) order by h.id)
            from holds h where h.subject = p.id), '[]') as holds
        from payments p
        left join lateral (select * from attempts where payment = p.id order by no desc limit 1) a on true
        where p.id = ${id}`
      const row = rows[0]
      return row === undefined ? null : { payment: row, attempt: attemptOf(row), holds: row.holds }
    },

    /** Open holds of a payment with the codes of their accounts, in a fixed order. */
    async holdsOf(id: string): Promise<(Hold & HeldLeg)[]> {
      return sql<(Hold & HeldLeg)[]>`
        select h.id, h.ledger, h.amount, d.code as debit_code, c.code as credit_code
        from holds h join accounts d on d.id = h.debit_account join accounts c on c.id = h.credit_account
        where h.subject = ${id} order by h.id`
    },

    async payment(id: string): Promise<PaymentRow | null> {
      const rows = await sql<PaymentRow[]>`select * from payments where id = ${id}`
      return rows[0] ?? null
    },

    /** The payment that an attempt serves, itself or by a refund of it. */
    async bearerPayment(bearer: string): Promise<PaymentRow | null> {
      const rows = await sql<PaymentRow[]>`
        select * from payments
        where id = coalesce((select r.payment from refunds r where r.id = ${bearer}), ${bearer})`
      return rows[0] ?? null
    },

    async attempt(bearer: string, no: number): Promise<AttemptRow | null> {
      const rows = await sql<AttemptRow[]>`select * from attempts where payment = ${bearer} and no = ${no}`
      return rows[0] ?? null
    },

    /** Payment and attempt number behind a rail's reference. */
    async attemptByReference(rail: string, reference: string): Promise<AttemptRow | null> {
      const rows = await sql<AttemptRow[]>`select * from attempts where rail = ${rail} and reference = ${reference}`
      return rows[0] ?? null
    },

    /** A user's payments, paid or received, newest first; one more than asked tells whether there are more. */
    async ofUser(
      user: string,
      limit: number,
      before: string | null,
      status: PaymentStatus | null,
    ): Promise<PaymentRow[]> {
      const earlier = before === null ? sql`` : sql`and id < ${before}`
      return sql<PaymentRow[]>`
        select * from (
          (select * from payments where payer = ${user} ${earlier} ${ofStatus(sql, status)}
           order by id desc limit ${limit + 1})
          union
          (select * from payments where payee = ${user} and merchant is null ${earlier} ${ofStatus(sql, status)}
           order by id desc limit ${limit + 1})
        ) p order by id desc limit ${limit + 1}`
    },

    async source(id: string): Promise<SourceRow | null> {
      const rows = await sql<SourceRow[]>`select * from sources where id = ${id}`
      return rows[0] ?? null
    },

    /** All that a user has linked, however long ago, and the last ones unlinked; `most` of each. In order of linking. */
    async sourcesOf(user: string, most: { linked: number; revoked: number }): Promise<SourceRow[]> {
      // The first has no order of its own: by one, Postgres might walk all that was ever linked.
      return sql<SourceRow[]>`
        select * from (
          (select * from sources where user_id = ${user} and status <> 'revoked' limit ${most.linked})
          union all
          (select * from sources where user_id = ${user} and status = 'revoked' order by id desc limit ${most.revoked})
        ) s order by id`
    },

    /** This account of the user's at this bank or operator, where it is linked or waits to be. */
    async linkedSource(user: string, bank: string, account: string): Promise<SourceRow | null> {
      const rows = await sql<SourceRow[]>`
        select * from sources
        where user_id = ${user} and bank = ${bank} and account = ${account} and status <> 'revoked'`
      return rows[0] ?? null
    },

    /** How many accounts a user has linked or waiting, and how many were linked from this id on, whatever became of them; neither counts past `most`. */
    async linkCounts(user: string, from: string, most: number): Promise<{ linked: number; since: number }> {
      const rows = await sql<{ linked: number; since: number }[]>`
        select
          (select count(*)::integer from
            (select from sources where user_id = ${user} and status <> 'revoked' limit ${most}) l) as linked,
          (select count(*)::integer from
            (select from sources where user_id = ${user} and id >= ${from} limit ${most}) s) as since`
      return rows[0] ?? { linked: 0, since: 0 }
    },

    async openOrder(merchant: string, orderRef: string): Promise<string | null> {
      const rows = await sql<{ id: string }[]>`
        select id from payments
        where merchant = ${merchant} and order_ref = ${orderRef}
          and status in ('requires_confirmation', 'requires_action', 'processing', 'requires_capture')`
      return rows[0]?.id ?? null
    },
  }
}

/** The codec of the joined statement: strips the prefix; null where there was no attempt. */
function attemptOf(row: JoinedRow): AttemptRow | null {
  if (row[`${ATTEMPT_PREFIX}payment`] === null) return null
  const columns = Object.entries(row).flatMap(([name, value]) =>
    name.startsWith(ATTEMPT_PREFIX) ? [[name.slice(ATTEMPT_PREFIX.length), value] as const] : [],
  )
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a codec: the statement above names every column of AttemptRow
  return Object.fromEntries(columns) as AttemptRow
}
