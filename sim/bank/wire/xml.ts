/**
 * A strict reader of the closed XML profile (connectors.md §1.1): UTF-8, no DTD, no comments, no processing
 * instructions, no CDATA, no prefixes, no mixed content, ≤ 64 KiB, depth ≤ 32. Written for the simulator alone,
 * so that a mistake in a connector's reader or writer cannot hide behind the same mistake here.
 */

export type XmlNode = {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  /** Character data of a leaf; empty for an element with children. */
  readonly text: string
  readonly children: readonly XmlNode[]
}

export const XML_LIMIT_BYTES = 65_536
const DEPTH_LIMIT = 32

/** The bytes are not XML of the profile. */
export class XmlUnreadable extends Error {}

const NAME = '[A-Za-z_][A-Za-z0-9_.-]*'
const DECLARATION = /<\?xml\s+version=(?:"1\.0"|'1\.0')(?:\s+encoding=(?:"UTF-8"|'UTF-8'|"utf-8"|'utf-8'))?\s*\?>/y
const OPEN = new RegExp(`<(${NAME})((?:\\s+${NAME}\\s*=\\s*(?:"[^"<]*"|'[^'<]*'))*)\\s*(/?)>`, 'y')
const CLOSE = new RegExp(`</(${NAME})\\s*>`, 'y')
const ATTRIBUTE = new RegExp(`(${NAME})\\s*=\\s*(?:"([^"]*)"|'([^']*)')`, 'g')
// oxlint-disable-next-line no-control-regex -- the characters XML 1.0 §2.2 forbids
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/
const BLANK = /^[ \t\r\n]*$/
const NO_ATTRIBUTES: Readonly<Record<string, string>> = Object.freeze({})

type Open = { name: string; attributes: Readonly<Record<string, string>>; text: string; children: XmlNode[] }

/** @throws XmlUnreadable with the first thing wrong. */
export function readXml(bytes: Uint8Array): XmlNode {
  if (bytes.length > XML_LIMIT_BYTES) throw new XmlUnreadable('longer than 64 KiB')
  let source: string
  try {
    source = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new XmlUnreadable('not UTF-8')
  }
  if (FORBIDDEN.test(source)) throw new XmlUnreadable('a character XML forbids')
  DECLARATION.lastIndex = 0
  let at = DECLARATION.test(source) ? DECLARATION.lastIndex : 0
  const stack: Open[] = []
  for (;;) {
    const next = source.indexOf('<', at)
    if (next === -1) throw new XmlUnreadable('ends inside an element')
    const between = source.slice(at, next)
    const parent = stack.at(-1)
    if (parent === undefined) {
      if (!BLANK.test(between)) throw new XmlUnreadable('text outside the root')
    } else if (between !== '') parent.text += between
    if (source.charCodeAt(next + 1) === 0x2f) {
      CLOSE.lastIndex = next
      const name = CLOSE.exec(source)?.[1]
      if (parent === undefined || name !== parent.name) throw new XmlUnreadable('an end tag without its start')
      at = CLOSE.lastIndex
      stack.pop()
      const node = close(parent)
      const above = stack.at(-1)
      if (above !== undefined) above.children.push(node)
      else if (BLANK.test(source.slice(at))) return node
      else throw new XmlUnreadable('something after the root')
      continue
    }
    OPEN.lastIndex = next
    const tag = OPEN.exec(source)
    if (tag === null) throw new XmlUnreadable('a tag that is not an element of the profile')
    at = OPEN.lastIndex
    const opened: Open = { name: tag[1] ?? '', attributes: attributesOf(tag[2] ?? ''), text: '', children: [] }
    if (tag[3] !== '/') {
      if (stack.length === DEPTH_LIMIT) throw new XmlUnreadable('deeper than 32')
      stack.push(opened)
    } else if (parent !== undefined) parent.children.push(opened)
    else throw new XmlUnreadable('an empty root')
  }
}

function close(open: Open): XmlNode {
  if (open.children.length > 0) {
    if (!BLANK.test(open.text)) throw new XmlUnreadable(`text beside elements in ${open.name}`)
    open.text = ''
  } else open.text = unescape(open.text)
  return open
}

function attributesOf(source: string): Readonly<Record<string, string>> {
  if (source === '') return NO_ATTRIBUTES
  const attributes: Record<string, string> = {}
  for (const [, name = '', double, single] of source.matchAll(ATTRIBUTE)) {
    if (Object.hasOwn(attributes, name)) throw new XmlUnreadable(`attribute ${name} twice`)
    attributes[name] = unescape(double ?? single ?? '')
  }
  return attributes
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function unescape(source: string): string {
  if (source.includes(']]>')) throw new XmlUnreadable(']]> in text')
  if (!source.includes('&')) return source
  return source.replace(/&(?:(#x[0-9a-fA-F]{1,6}|#[0-9]{1,7}|[A-Za-z]{1,8});)?/g, (_, name: string | undefined) => {
    const named = name === undefined ? undefined : NAMED[name]
    if (named !== undefined) return named
    if (name === undefined || !name.startsWith('#')) throw new XmlUnreadable('an entity that is not predefined')
    const point = name[1] === 'x' ? Number.parseInt(name.slice(2), 16) : Number.parseInt(name.slice(1), 10)
    const legal =
      point <= 0x10ffff && (point < 0xd800 || point > 0xdfff) && !FORBIDDEN.test(String.fromCodePoint(point))
    if (!legal || point === 0) throw new XmlUnreadable('a character XML forbids')
    return String.fromCodePoint(point)
  })
}

/** Character data safe inside an element or a quoted attribute. */
export function escapeXml(text: string): string {
  return text.replace(
    /[&<>"']/g,
    (c) => `&${c === '&' ? 'amp' : c === '<' ? 'lt' : c === '>' ? 'gt' : c === '"' ? 'quot' : 'apos'};`,
  )
}

/** Text of the leaf at `path` below a node (first of each name); '' when it is not there. */
export function textAt(node: XmlNode, path: string): string {
  return nodeAt(node, path)?.text ?? ''
}

export function nodeAt(node: XmlNode, path: string): XmlNode | null {
  let here: XmlNode = node
  for (const name of path.split('/')) {
    const child = here.children.find((one) => one.name === name)
    if (child === undefined) return null
    here = child
  }
  return here
}

/** One text for one content, whatever its white space between elements, attribute order or escapes. */
export function canonicalText(node: XmlNode): string {
  const attributes = Object.keys(node.attributes).toSorted()
  const opening = attributes.map((name) => ` ${name}=${JSON.stringify(node.attributes[name])}`).join('')
  const inside = node.children.length > 0 ? node.children.map(canonicalText).join('') : JSON.stringify(node.text)
  return `<${node.name}${opening}>${inside}</>`
}
