import { createHash } from 'node:crypto'
import type { Query } from '../ledger/index.ts'

/** What operators did and what was refused them: each row carries a hash over itself and the row before (0011). */
export type OpsEvent = {
  kind:
    | 'operator_added'
    | 'operator_disabled'
    | 'login'
    | 'login_refused'
    | 'logout'
    | 'request_refused'
    | 'payloads_decoded'
    | 'payloads_encoded'
    | 'payment_viewed'
    | 'devices_viewed'
    /** Written by revoke_device. */
    | 'device_revoked'
    | 'approval_made'
    | 'approval_refused'
    /** Written where the hub asks, by consume_approval. */
    | 'approval_consumed'
    | 'consumption_refused'
  /** By name; null where nobody is logged in. */
  operator: string | null
  subject: string | null
  detail: object
}

/** Appends one row; within a transaction it stands or falls with it. */
export async function recordOps(sql: Query, { kind, operator, subject, detail }: OpsEvent): Promise<void> {
  await sql`select append_ops_audit(${kind}, ${operator}, ${subject}, ${JSON.stringify(detail)})`
}

export type AuditRow = {
  no: bigint
  at: string
  kind: string
  operator: string | null
  subject: string | null
  detail: string
  previous: Uint8Array
  hash: Uint8Array
}

/** What the first row has as the hash before it. */
const BEGINNING = createHash('sha256').update('mooring ops audit').digest()

/** As ops_audit_hash of 0011_operators.sql: each field by its length in bytes and itself, `-` for none. */
function hashOf(row: AuditRow): Buffer {
  const fields = [String(row.no), row.at, row.kind, row.operator, row.subject, row.detail]
  const text = fields.map((field) => (field === null ? '-' : `${String(Buffer.byteLength(field))}:${field}`)).join(',')
  return createHash('sha256').update(row.previous).update(text).digest()
}

export type AuditFault = { no: bigint; what: 'altered' | 'missing' | 'rewritten' }
export type AuditVerdict = {
  rows: number
  /** Hash of the last row, hex: kept elsewhere it fixes all before it. Null where there is no row. */
  head: { no: bigint; hash: string } | null
  /** The first row that is not as it was written; after it nothing is proved. */
  fault: AuditFault | null
}

const PAGE = 5_000

/** Makes the chain again from its rows. `kept`: a head from before, which must still be a row's hash. */
export async function verifyOpsAudit(sql: Query, kept?: string): Promise<AuditVerdict> {
  let expected: Buffer = BEGINNING
  let head: AuditVerdict['head'] = null
  let rows = 0
  let foundKept = kept === undefined
  for (;;) {
    const after: bigint = head?.no ?? 0n
    const page = await sql<AuditRow[]>`
      select no, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, kind, operator, subject, detail,
        previous, hash
      from ops_audit where no > ${after} order by no limit ${PAGE}`
    for (const row of page) {
      const no: bigint = (head?.no ?? 0n) + 1n
      if (row.no !== no) return { rows, head, fault: { no, what: 'missing' } }
      if (!expected.equals(row.previous) || !hashOf(row).equals(row.hash)) {
        return { rows, head, fault: { no, what: 'altered' } }
      }
      expected = Buffer.from(row.hash)
      head = { no, hash: expected.toString('hex') }
      foundKept ||= head.hash === kept
      rows += 1
    }
    if (page.length < PAGE) break
  }
  // Every row fits the one before it, and the one that was kept is not among them.
  return { rows, head, fault: foundKept ? null : { no: head?.no ?? 0n, what: 'rewritten' } }
}
