import { writeAmount } from './amount.ts'
import { NAMESPACE } from './profile.ts'
import { newId } from './report.ts'
import { escapeXml } from './xml.ts'

/** camt.053: a day of the client's own account, line by line (connectors.md §1.4). */

export type Line = {
  entryReference: string
  amountMinor: bigint
  credit: boolean
  /** Undoes an earlier line. */
  reversal: boolean
  servicerReference: string
  /** Family and sub-family of ISO's transaction codes, in the domain PMNT. */
  code: readonly [family: string, subFamily: string]
  messageId: string
  instructionId: string | null
  endToEndId: string
  /** Null of a refund, which has none of its own. */
  uetr: string | null
  transactionId: string
}

export type Statement = {
  account: string
  currency: string
  /** UTC, `2026-11-28`. */
  date: string
  /** Counts the statements of an account, one a day. */
  sequence: number
  openingMinor: bigint
  closingMinor: bigint
  entries: number
  page: number
  last: boolean
  lines: readonly Line[]
}

export function statementMessage(nowMs: number, statement: Statement): string {
  const { account, currency, date, sequence, page, last } = statement
  const at = new Date(nowMs).toISOString()
  const amount = (minor: bigint) => `<Amt Ccy="${currency}">${writeAmount(minor < 0n ? -minor : minor, currency)}</Amt>`
  const sign = (credit: boolean) => `<CdtDbtInd>${credit ? 'CRDT' : 'DBIT'}</CdtDbtInd>`
  const balance = (code: 'OPBD' | 'CLBD', minor: bigint) =>
    `<Bal><Tp><CdOrPrtry><Cd>${code}</Cd></CdOrPrtry></Tp>${amount(minor)}${sign(minor >= 0n)}<Dt><Dt>${date}</Dt></Dt></Bal>`
  const element = (name: string, text: string | null) => (text === null ? '' : `<${name}>${escapeXml(text)}</${name}>`)
  const entry = (line: Line) =>
    `<Ntry>${element('NtryRef', line.entryReference)}${amount(line.amountMinor)}${sign(line.credit)}` +
    `${line.reversal ? '<RvslInd>true</RvslInd>' : ''}<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>${date}</Dt></BookgDt>` +
    `<ValDt><Dt>${date}</Dt></ValDt>${element('AcctSvcrRef', line.servicerReference)}` +
    `<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>${line.code[0]}</Cd><SubFmlyCd>${line.code[1]}</SubFmlyCd></Fmly></Domn></BkTxCd>` +
    `<NtryDtls><TxDtls><Refs>${element('MsgId', line.messageId)}${element('AcctSvcrRef', line.servicerReference)}` +
    `${element('InstrId', line.instructionId)}${element('EndToEndId', line.endToEndId)}${element('UETR', line.uetr)}` +
    `${element('TxId', line.transactionId)}</Refs>${amount(line.amountMinor)}${sign(line.credit)}</TxDtls></NtryDtls></Ntry>`
  return (
    `<?xml version="1.0" encoding="UTF-8"?><Document xmlns="${NAMESPACE}camt.053.001.08"><BkToCstmrStmt>` +
    `<GrpHdr><MsgId>${newId('B')}</MsgId><CreDtTm>${at}</CreDtTm>` +
    `<MsgPgntn><PgNb>${page}</PgNb><LastPgInd>${last}</LastPgInd></MsgPgntn></GrpHdr>` +
    `<Stmt><Id>STMT${date.replaceAll('-', '')}${currency}</Id><ElctrncSeqNb>${sequence}</ElctrncSeqNb>` +
    `<CreDtTm>${at}</CreDtTm><FrToDt><FrDtTm>${date}T00:00:00.000Z</FrDtTm><ToDtTm>${date}T23:59:59.999Z</ToDtTm></FrToDt>` +
    `<Acct><Id><IBAN>${account}</IBAN></Id><Ccy>${currency}</Ccy></Acct>` +
    balance('OPBD', statement.openingMinor) +
    balance('CLBD', statement.closingMinor) +
    `<TxsSummry><TtlNtries><NbOfNtries>${statement.entries}</NbOfNtries></TtlNtries></TxsSummry>` +
    `${statement.lines.map(entry).join('')}</Stmt></BkToCstmrStmt></Document>`
  )
}
