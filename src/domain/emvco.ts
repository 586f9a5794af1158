/**
 * EMVCo merchant-presented QR payload (EMV QRCPS, merchant mode): tag, two digits
 * of length, value; a CRC-16/CCITT-FALSE over all of it at the end. A dynamic
 * code carries the payment's id and a 128-bit token in a template of ours (26).
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

export type DynamicQr = { payment: string; token: string }

export function encodeDynamicQr(
  qr: DynamicQr & { amountText: string; currencyNumeric: string; merchantName: string; country: string; city: string },
): string {
  const account = field('00', OUR_DOMAIN) + field('01', qr.payment) + field('02', qr.token)
  const body =
    field(TAG.format, '01') +
    field(TAG.initiation, '12') +
    field(TAG.account, account) +
    field(TAG.category, '0000') +
    field(TAG.currency, qr.currencyNumeric) +
    field(TAG.amount, qr.amountText) +
    field(TAG.country, qr.country) +
    field(TAG.name, ascii(qr.merchantName, 25)) +
    field(TAG.city, ascii(qr.city, 15)) +
    `${TAG.crc}04`
  return body + crc16(body)
}

/** What a dynamic code of ours says; null for any other, damaged or foreign payload. */
export function decodeDynamicQr(payload: string): DynamicQr | null {
  const end = payload.length - 4
  if (end < 4 || payload.slice(end - 4, end) !== `${TAG.crc}04` || crc16(payload.slice(0, end)) !== payload.slice(end))
    return null
  const fields = parse(payload)
  if (fields?.get(TAG.format) !== '01' || fields.get(TAG.initiation) !== '12') return null
  const account = parse(fields.get(TAG.account) ?? '')
  const payment = account?.get('01')
  const token = account?.get('02')
  if (account?.get('00') !== OUR_DOMAIN || payment === undefined || token === undefined) return null
  return { payment, token }
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
