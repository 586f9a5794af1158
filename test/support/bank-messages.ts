import { randomBytes, randomUUID } from 'node:crypto'

/** Messages a client of the bank writes, for tests; each field can be overridden. */

export const OWN_ACCOUNT = 'DE02120300000000202051'
export const MAGIC = (nn: string, check: string) => `DE${check}9999999900000000${nn}`
export const SETTLES = MAGIC('00', '23')

export type Order = {
  reference: string
  messageId: string
  uetr: string
  amount: string
  currency: string
  account: string
  own: string
  at: string
  mandateId: string
  mandateSignedOn: string
  seqTp: string
}

export function order(over: Partial<Order> = {}): Order {
  const reference = over.reference ?? `R${randomBytes(10).toString('hex')}`
  return {
    reference,
    messageId: reference,
    uetr: randomUUID(),
    amount: '125.50',
    currency: 'KES',
    account: SETTLES,
    own: OWN_ACCOUNT,
    at: new Date().toISOString(),
    mandateId: 'M1',
    mandateSignedOn: '2026-11-01',
    seqTp: 'OOFF',
    ...over,
  }
}

const agent = (tag: string) => `<${tag}><FinInstnId><Othr><Id>NOTPROVIDED</Id></Othr></FinInstnId></${tag}>`
const account = (tag: string, iban: string) => `<${tag}><Id><IBAN>${iban}</IBAN></Id></${tag}>`
const document = (name: string, inside: string) =>
  `<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:${name}">${inside}</Document>`

export function collect(o: Order): string {
  return document(
    'pacs.003.001.09',
    `<FIToFICstmrDrctDbt><GrpHdr><MsgId>${o.messageId}</MsgId><CreDtTm>${o.at}</CreDtTm><NbOfTxs>1</NbOfTxs>` +
      `<TtlIntrBkSttlmAmt Ccy="${o.currency}">${o.amount}</TtlIntrBkSttlmAmt><IntrBkSttlmDt>${o.at.slice(0, 10)}</IntrBkSttlmDt>` +
      `<SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf></GrpHdr><DrctDbtTxInf><PmtId><InstrId>${o.reference}</InstrId>` +
      `<EndToEndId>${o.reference}</EndToEndId><TxId>${o.reference}</TxId><UETR>${o.uetr}</UETR></PmtId>` +
      `<PmtTpInf><LclInstrm><Prtry>INST</Prtry></LclInstrm><SeqTp>${o.seqTp}</SeqTp></PmtTpInf>` +
      `<IntrBkSttlmAmt Ccy="${o.currency}">${o.amount}</IntrBkSttlmAmt><ChrgBr>SLEV</ChrgBr><ReqdColltnDt>${o.at.slice(0, 10)}</ReqdColltnDt>` +
      `<DrctDbtTx><MndtRltdInf><MndtId>${o.mandateId}</MndtId><DtOfSgntr>${o.mandateSignedOn}</DtOfSgntr></MndtRltdInf></DrctDbtTx>` +
      `<Cdtr><Nm>Mooring</Nm></Cdtr>${account('CdtrAcct', o.own)}${agent('CdtrAgt')}` +
      `<Dbtr><Nm>Asha &amp; Sons</Nm></Dbtr>${account('DbtrAcct', o.account)}${agent('DbtrAgt')}` +
      `<RmtInf><Ustrd>Top-up</Ustrd></RmtInf></DrctDbtTxInf></FIToFICstmrDrctDbt>`,
  )
}

export function payOut(o: Order): string {
  return document(
    'pacs.008.001.08',
    `<FIToFICstmrCdtTrf><GrpHdr><MsgId>${o.messageId}</MsgId><CreDtTm>${o.at}</CreDtTm><NbOfTxs>1</NbOfTxs>` +
      `<TtlIntrBkSttlmAmt Ccy="${o.currency}">${o.amount}</TtlIntrBkSttlmAmt><IntrBkSttlmDt>${o.at.slice(0, 10)}</IntrBkSttlmDt>` +
      `<SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf><PmtTpInf><LclInstrm><Cd>INST</Cd></LclInstrm></PmtTpInf></GrpHdr>` +
      `<CdtTrfTxInf><PmtId><InstrId>${o.reference}</InstrId><EndToEndId>${o.reference}</EndToEndId><TxId>${o.reference}</TxId>` +
      `<UETR>${o.uetr}</UETR></PmtId><IntrBkSttlmAmt Ccy="${o.currency}">${o.amount}</IntrBkSttlmAmt>` +
      `<AccptncDtTm>${o.at}</AccptncDtTm><ChrgBr>SLEV</ChrgBr><Dbtr><Nm>Mooring</Nm></Dbtr>${account('DbtrAcct', o.own)}` +
      `${agent('DbtrAgt')}${agent('CdtrAgt')}<Cdtr><Nm>Asha</Nm></Cdtr>${account('CdtrAcct', o.account)}` +
      `<RmtInf><Ustrd>Withdrawal</Ustrd></RmtInf></CdtTrfTxInf></FIToFICstmrCdtTrf>`,
  )
}

export function refund(
  original: Order,
  over: { reference: string; amount: string; originalAmount?: string; at?: string },
): string {
  const at = over.at ?? new Date().toISOString()
  const originalAmount = over.originalAmount ?? original.amount
  return document(
    'pacs.004.001.11',
    `<PmtRtr><GrpHdr><MsgId>${over.reference}</MsgId><CreDtTm>${at}</CreDtTm><NbOfTxs>1</NbOfTxs>` +
      `<TtlRtrdIntrBkSttlmAmt Ccy="${original.currency}">${over.amount}</TtlRtrdIntrBkSttlmAmt>` +
      `<IntrBkSttlmDt>${at.slice(0, 10)}</IntrBkSttlmDt><SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf></GrpHdr>` +
      `<TxInf><RtrId>${over.reference}</RtrId><OrgnlGrpInf><OrgnlMsgId>${original.messageId}</OrgnlMsgId>` +
      `<OrgnlMsgNmId>pacs.003.001.09</OrgnlMsgNmId></OrgnlGrpInf><OrgnlEndToEndId>${original.reference}</OrgnlEndToEndId>` +
      `<OrgnlTxId>${original.reference}</OrgnlTxId><OrgnlUETR>${original.uetr}</OrgnlUETR>` +
      `<OrgnlIntrBkSttlmAmt Ccy="${original.currency}">${originalAmount}</OrgnlIntrBkSttlmAmt>` +
      `<RtrdIntrBkSttlmAmt Ccy="${original.currency}">${over.amount}</RtrdIntrBkSttlmAmt>` +
      `<IntrBkSttlmDt>${at.slice(0, 10)}</IntrBkSttlmDt><RtrRsnInf><Rsn><Cd>CUST</Cd></Rsn></RtrRsnInf></TxInf></PmtRtr>`,
  )
}

export function inquiry(o: Pick<Order, 'reference' | 'messageId' | 'uetr'>, name = 'pacs.003.001.09'): string {
  const id = `Q${randomBytes(8).toString('hex')}`
  return document(
    'pacs.028.001.05',
    `<FIToFIPmtStsReq><GrpHdr><MsgId>${id}</MsgId><CreDtTm>${new Date().toISOString()}</CreDtTm></GrpHdr><TxInf>` +
      `<StsReqId>${id}</StsReqId><OrgnlGrpInf><OrgnlMsgId>${o.messageId}</OrgnlMsgId><OrgnlMsgNmId>${name}</OrgnlMsgNmId></OrgnlGrpInf>` +
      `<OrgnlEndToEndId>${o.reference}</OrgnlEndToEndId><OrgnlTxId>${o.reference}</OrgnlTxId><OrgnlUETR>${o.uetr}</OrgnlUETR>` +
      `</TxInf></FIToFIPmtStsReq>`,
  )
}

/** Text of the first element of a name in a message the bank wrote; null when it is not there. */
export function field(xml: string, name: string): string | null {
  return new RegExp(`<${name}(?: [^>]*)?>([^<]*)</${name}>`).exec(xml)?.[1] ?? null
}
/** The reason code of a pacs.002. */
export const reasonOf = (xml: string) => /<Rsn><Cd>([^<]*)</.exec(xml)?.[1] ?? null
