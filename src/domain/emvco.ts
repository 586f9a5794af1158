/**
 * EMVCo merchant-presented QR payload (EMV QRCPS, merchant mode): tag, two digits
 * of length, value; a CRC-16/CCITT-FALSE over all of it at the end. In a template
 * of ours (26) a dynamic code carries the payment's id and a 128-bit token, a static
 * one, printed as a sticker, whom and where to pay.
 */

const OUR_DOMAIN = 'dev.mooring'
const TAG = {
  format: '00',
  initiation: '01',
  account: '26',
  category: '52',
  currency: '53',
  amount: '54',
  country: '58',
  name: '59',
  city: '60',
  crc: '63',
} as const

/** Within our template. */
const OURS = { domain: '00', payment: '01', token: '02', merchant: '03', store: '04' } as const
/** Whether a code is shown for one payment or for all. */
const INITIATION = { static: '11', dynamic: '12' } as const

export type DynamicQr = { payment: string; token: string }
export type StaticQr = { merchant: string; store: string | null }
export type Qr = ({ type: 'dynamic' } & DynamicQr) | ({ type: 'static' } & StaticQr)

/** What a wallet shows of the merchant before it asks us. */
type Shown = { currencyNumeric: string; merchantName: string; country: string; city: string }

export function encodeDynamicQr(qr: DynamicQr & Shown & { amountText: string }): string {
  return encode(qr, INITIATION.dynamic, field(OURS.payment, qr.payment) + field(OURS.token, qr.token), qr.amountText)
}

export function encodeStaticQr(qr: StaticQr & Shown): string {
  const store = qr.store === null ? '' : field(OURS.store, qr.store)
  return encode(qr, INITIATION.static, field(OURS.merchant, qr.merchant) + store, null)
}

function encode(shown: Shown, initiation: string, account: string, amountText: string | null): string {
  const body =
    field(TAG.format, '01') +
    field(TAG.initiation, initiation) +
    field(TAG.account, field(OURS.domain, OUR_DOMAIN) + account) +
    field(TAG.category, '0000') +
    field(TAG.currency, shown.currencyNumeric) +
    (amountText === null ? '' : field(TAG.amount, amountText)) +
    field(TAG.country, shown.country) +
    field(TAG.name, ascii(shown.merchantName, 25)) +
    field(TAG.city, ascii(shown.city, 15)) +
    `${TAG.crc}04`
  return body + crc16(body)
}

/** What a code of ours says; null for any other, damaged or foreign payload. */
export function decodeQr(payload: string): Qr | null {
  const end = payload.length - 4
  if (end < 4 || payload.slice(end - 4, end) !== `${TAG.crc}04` || crc16(payload.slice(0, end)) !== payload.slice(end))
    return null
  const fields = parse(payload)
  if (fields?.get(TAG.format) !== '01') return null
  const ours = parse(fields.get(TAG.account) ?? '')
  if (ours?.get(OURS.domain) !== OUR_DOMAIN) return null
  const [payment, token, merchant] = [OURS.payment, OURS.token, OURS.merchant].map((tag) => ours.get(tag))
  switch (fields.get(TAG.initiation)) {
    case INITIATION.dynamic:
      return payment === undefined || token === undefined ? null : { type: 'dynamic', payment, token }
    case INITIATION.static:
      return merchant === undefined ? null : { type: 'static', merchant, store: ours.get(OURS.store) ?? null }
    default:
      return null
  }
}

function field(tag: string, value: string): string {
  if (value.length === 0 || value.length > 99)
    throw new RangeError(`QR field ${tag} has ${String(value.length)} characters, 1 to 99 fit`)
  return `${tag}${String(value.length).padStart(2, '0')}${value}`
}

function parse(text: string): Map<string, string> | null {
  const fields = new Map<string, string>()
  let at = 0
  while (at < text.length) {
    const tag = text.slice(at, at + 2)
    const length = text.slice(at + 2, at + 4)
    if (!/^\d\d$/.test(tag) || !/^\d\d$/.test(length) || fields.has(tag)) return null
    const value = text.slice(at + 4, at + 4 + Number(length))
    if (value.length !== Number(length)) return null
    fields.set(tag, value)
    at += 4 + value.length
  }
  return fields
}

/** Printable ASCII, cut to what the standard allows; never empty. */
function ascii(text: string, maxLength: number): string {
  const plain = text
    .normalize('NFKD')
    .replaceAll(/[^\x20-\x7e]/g, '')
    .trim()
    .slice(0, maxLength)
  return plain === '' ? 'Merchant' : plain
}

/** CRC-16/CCITT-FALSE: polynomial 0x1021, initial 0xFFFF; four upper-case hex digits. */
export function crc16(text: string): string {
  let crc = 0xffff
  for (let i = 0; i < text.length; i++) {
    crc ^= text.charCodeAt(i) << 8
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? (crc << 1) & 0xffff : ((crc << 1) ^ 0x1021) & 0xffff
  }
  return crc.toString(16).toUpperCase().padStart(4, '0')
}
