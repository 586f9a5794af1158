import { MalformedMessage, type XmlElement } from './xml.ts'

/** How elements of ISO 20022 messages are read: sequences in the schema's order, leaves to the character. */

export const MAX35 = /^[^\s](?:.{0,33}[^\s])?$/u
export const CODE = /^[A-Z0-9]{1,4}$/
export const UTC_TIME = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z$/
export const UETR = /^[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}$/
const AMOUNT = /^[0-9.]{1,19}$/
const CURRENCY = /^[A-Z]{3}$/

/** An amount as it stands on the wire; whether it is ours is decided with the order at hand. */
export type WireAmount = { text: string; currency: string }

export const ORIGINAL_GROUP = ['OrgnlMsgId!', 'OrgnlMsgNmId!', 'OrgnlCreDtTm']
const REASON_INFORMATION = ['Orgtr', 'Rsn', 'AddtlInf*']
const REASON = ['Cd', 'Prtry']

export type Reason = { code: string } | { proprietary: string }

export function bareAmount(element: XmlElement): WireAmount {
  const currency = element.attributes['Ccy']
  if (Object.keys(element.attributes).length !== 1 || currency === undefined || !CURRENCY.test(currency)) {
    throw new MalformedMessage('amount without its currency')
  }
  if (element.children.length > 0 || !AMOUNT.test(element.text)) throw new MalformedMessage('amount is not plain')
  return { text: element.text, currency }
}

export type Parts = Map<string, XmlElement[]>

/**
 * Children of a sequence by name. `!` marks what must be there, `*` what may
 * repeat, `$` an amount, which alone has an attribute; anything unlisted,
 * repeated or out of order is malformed.
 */
export function parts(element: XmlElement, sequence: readonly string[]): Parts {
  if (element.text.trim() !== '') throw new MalformedMessage(`text in ${element.name}`)
  const found: Parts = new Map()
  let at = 0
  for (const child of element.children) {
    while (at < sequence.length && bare(sequence[at]) !== child.name) at++
    const entry = sequence[at]
    if (entry === undefined) throw new MalformedMessage(`${child.name} does not belong there in ${element.name}`)
    const list = found.get(child.name)
    if (list === undefined) found.set(child.name, [child])
    else if (entry.includes('*')) list.push(child)
    else throw new MalformedMessage(`${child.name} twice in ${element.name}`)
    if (!entry.includes('$') && Object.keys(child.attributes).length > 0) {
      throw new MalformedMessage(`attribute on ${child.name}`)
    }
  }
  for (const entry of sequence) {
    if (entry.includes('!') && !found.has(bare(entry)))
      throw new MalformedMessage(`${bare(entry)} missing in ${element.name}`)
  }
  return found
}

const bare = (entry: string | undefined): string => (entry ?? '').replace(/[!*$]+$/, '')

export const first = (holder: Parts, name: string): XmlElement | null => holder.get(name)?.[0] ?? null

export function one(holder: Parts, name: string): XmlElement {
  const element = first(holder, name)
  if (element === null) throw new MalformedMessage(`${name} missing`)
  return element
}

export function text(element: XmlElement, pattern: RegExp): string {
  if (element.children.length > 0 || !pattern.test(element.text))
    throw new MalformedMessage(`${element.name} is ill-formed`)
  return element.text
}

export function optionalText(holder: Parts, name: string, pattern: RegExp): string | null {
  const element = first(holder, name)
  return element === null ? null : text(element, pattern)
}

export function reasonsIn(holder: Parts, name: 'StsRsnInf' | 'RtrRsnInf'): Reason[] {
  return (holder.get(name) ?? []).flatMap((element): Reason[] => {
    const reason = first(parts(element, REASON_INFORMATION), 'Rsn')
    if (reason === null) return []
    const choice = parts(reason, REASON)
    const code = optionalText(choice, 'Cd', CODE)
    const proprietary = optionalText(choice, 'Prtry', MAX35)
    if (code !== null && proprietary === null) return [{ code }]
    if (proprietary !== null && code === null) return [{ proprietary }]
    throw new MalformedMessage('a reason is one code or one proprietary word')
  })
}
