import { verifyOpsAudit, type AuditFault } from '../audit-log.ts'
import type { Command } from '../command.ts'
import { OpsRefusal } from '../refusal.ts'

const SAYS: Readonly<Record<AuditFault['what'], string>> = {
  altered: 'is not as it was written, or the one before it is not',
  missing: 'is missing',
  rewritten: 'is the last, and the head that was kept is not among the rows: the log was cut or written anew',
}

export const verifyAuditLog: Command = {
  name: 'audit-log verify',
  argument: null,
  options: ['head'],
  what: [
    'makes the hash chain over all that operators did again, names the first row that is',
    'not as it was written, and prints the head; --head compares with one that was kept',
  ],
  async ask(sql, _, { head: kept }) {
    if (kept !== undefined && !/^[0-9a-f]{64}$/.test(kept)) {
      throw new OpsRefusal('bad_heads', '--head', 'expected a head as audit-log verify prints it: 64 of 0-9 a-f')
    }
    const { rows, head, fault } = await verifyOpsAudit(sql, kept)
    return {
      ok: fault === null,
      json: { ok: fault === null, rows, head, fault },
      text: [
        `audit-log verify: ${String(rows)} rows`,
        ...(head === null ? [] : [`head, to be kept outside the database: ${head.hash} (row ${String(head.no)})`]),
        fault === null ? 'The log is as it was written.' : `Row ${String(fault.no)} ${SAYS[fault.what]}.`,
      ],
    }
  },
}
