/**
 * Names and remittance text in the character set that instant schemes carry
 * unchanged: Latin letters, digits and `/ - ? : ( ) . , ' +` and blank.
 */

/** Letters that Unicode decomposition leaves whole. */
const LETTERS: Readonly<Record<string, string>> = {
  ß: 'ss',
  ẞ: 'SS',
  æ: 'ae',
  Æ: 'AE',
  œ: 'oe',
  Œ: 'OE',
  ø: 'o',
  Ø: 'O',
  ł: 'l',
  Ł: 'L',
  đ: 'd',
  Đ: 'D',
  ð: 'd',
  Ð: 'D',
  þ: 'th',
  Þ: 'TH',
  ı: 'i',
  '&': '+',
  '’': "'",
  '‘': "'",
  '–': '-',
  '—': '-',
  _: '-',
}

/** Plain text already in the set, which is nearly all of it. */
const PLAIN = /^[A-Za-z0-9/\-?:().,'+ ]*$/

/**
 * Text transliterated into the scheme's characters and cut to a field's length.
 * What has no Latin counterpart becomes `.`; text that comes to nothing is `fallback`.
 */
export function schemeText(text: string, lengthMax: number, fallback: string): string {
  let out = text
  if (!PLAIN.test(text)) {
    out = ''
    for (const char of text.normalize('NFKD').replaceAll(/\p{Mn}/gu, '')) {
      out += LETTERS[char] ?? (/\s/.test(char) ? ' ' : PLAIN.test(char) ? char : '.')
    }
  }
  out = out.replaceAll(/ {2,}/g, ' ').trim().slice(0, lengthMax).trimEnd()
  return /[A-Za-z0-9]/.test(out) ? out : fallback
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

/** Character data of XML 1.0. */
export function escapeXml(text: string): string {
  return /[&<>"']/.test(text) ? text.replaceAll(/[&<>"']/g, (char) => ESCAPES[char] ?? '') : text
}
