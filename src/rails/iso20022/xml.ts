import { XMLParser } from 'fast-xml-parser'

/**
 * XML from outside, read narrowly: UTF-8, no DTD, comment, CDATA or processing
 * instruction, no entities but the five of XML itself, bounded in size and
 * depth. What does not fit throws {@link MalformedMessage}.
 */

export class MalformedMessage extends Error {}

export type XmlElement = {
  name: string
  attributes: Readonly<Record<string, string>>
  children: XmlElement[]
  /** Character data of an element without children, entities resolved. */
  text: string
}

export const XML_BYTES_MAX = 64 * 1024
const DEPTH_MAX = 32

const DECLARATION =
  /^<\?xml version=(?:"1\.0"|'1\.0')(?: encoding=(?:"utf-8"|'utf-8'))?(?: standalone=(?:"yes"|'yes'))?\s*\?>/i
// oxlint-disable-next-line no-control-regex -- the characters XML 1.0 §2.2 forbids
const FORBIDDEN_CHARS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/
/** A start or end tag of XML 1.0 §3.1, names in ASCII, anchored where it is tried. */
const TAG =
  /<(?:\/([A-Za-z_][\w.:-]*)\s*|([A-Za-z_][\w.:-]*)((?:\s+[A-Za-z_][\w.:-]*\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*\/?)>/y
const ATTRIBUTE_NAME = /\s[A-Za-z_][\w.:-]*(?=\s*=\s*["'])/g
const REFERENCE = /&(?:(amp|lt|gt|quot|apos);)?/g
const PREDEFINED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Only tokenises: values, entities and blanks stay as they came, and order is kept. */
const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  processEntities: false,
  ignoreDeclaration: true,
})

/** The root element of a document. */
export function readXml(bytes: Uint8Array): XmlElement {
  if (bytes.byteLength > XML_BYTES_MAX) throw new MalformedMessage('larger than 64 KiB')
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    throw new MalformedMessage('not UTF-8')
  }
  const content = text.replace(DECLARATION, '')
  // One look at the raw text settles DTDs, entities, comments, CDATA and processing instructions for good.
  if (content.includes('<!')) throw new MalformedMessage('declaration, comment or CDATA section')
  if (content.includes('<?')) throw new MalformedMessage('processing instruction')
  if (content.includes(']]>')) throw new MalformedMessage('stray CDATA end')
  if (FORBIDDEN_CHARS.test(content)) throw new MalformedMessage('character outside XML 1.0')
  refuseBroken(content)
  let nodes: unknown
  try {
    nodes = parser.parse(content)
  } catch {
    throw new MalformedMessage('not readable')
  }
  const roots = elementsOf(nodes).children
  const root = roots[0]
  if (root === undefined || roots.length !== 1) throw new MalformedMessage('not one root element')
  return root
}

/**
 * Well-formedness and depth, before anything recursive or lenient sees the text:
 * the parser below makes something of nearly everything.
 */
function refuseBroken(content: string): void {
  const open: string[] = []
  let roots = 0
  let at = 0
  while (true) {
    const next = content.indexOf('<', at)
    const outside = content.slice(at, next < 0 ? undefined : next)
    if (open.length === 0 && outside.trim() !== '') throw new MalformedMessage('text outside the root element')
    if (next < 0) break
    TAG.lastIndex = next
    const tag = TAG.exec(content)
    if (tag === null) throw new MalformedMessage('ill-formed tag')
    const [whole, closes, opens, attributes = ''] = tag
    if (opens !== undefined) {
      if (open.length === 0) roots++
      const names = Array.from(attributes.matchAll(ATTRIBUTE_NAME), ([name]) => name.trim())
      if (new Set(names).size !== names.length) throw new MalformedMessage('attribute twice')
      if (!whole.endsWith('/>')) open.push(opens)
      if (open.length > DEPTH_MAX) throw new MalformedMessage('nested deeper than 32')
    } else if (open.pop() !== closes) throw new MalformedMessage('crossed tags')
    at = next + whole.length
  }
  if (open.length > 0 || roots !== 1) throw new MalformedMessage('not one closed root element')
}

/** The parser's ordered form (`[{ Name: […], ':@': {…} }, { '#text': … }]`) as elements. */
function elementsOf(nodes: unknown): { children: XmlElement[]; text: string } {
  if (!Array.isArray(nodes)) throw new MalformedMessage('not readable')
  const children: XmlElement[] = []
  let text = ''
  for (const node of nodes as unknown[]) {
    if (typeof node !== 'object' || node === null) throw new MalformedMessage('not readable')
    let attributes: Record<string, string> = {}
    let name: string | null = null
    let content: unknown = null
    for (const [key, value] of Object.entries(node)) {
      if (key === '#text') text += resolve(String(value))
      else if (key === ':@') attributes = attributesOf(value)
      else {
        name = key
        content = value
      }
    }
    if (name === null) continue
    const inner = elementsOf(content)
    if (inner.children.length > 0 && inner.text.trim() !== '')
      throw new MalformedMessage(`text between the elements of ${name}`)
    children.push({ name, attributes, children: inner.children, text: inner.text })
  }
  return { children, text }
}

function attributesOf(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) return {}
  return Object.fromEntries(Object.entries(value).map(([name, text]) => [name, resolve(String(text))]))
}

function resolve(text: string): string {
  if (!text.includes('&')) return text
  return text.replaceAll(REFERENCE, (_match, known: string | undefined) => {
    const char = known === undefined ? undefined : PREDEFINED[known]
    if (char === undefined) throw new MalformedMessage('entity')
    return char
  })
}
