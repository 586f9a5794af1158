import JsBarcode from 'jsbarcode'

/** An even number of digits as Code 128, set C (ISO/IEC 15417), a character a module: `1` is dark. No quiet zones. */
export function code128(digits: string): string {
  if (!/^(\d\d)+$/.test(digits)) throw new RangeError('set C holds pairs of digits')
  // Given an object, it puts there what it would draw.
  const drawn: { encodings?: { data: string }[] } = {}
  JsBarcode(drawn, digits, { format: 'CODE128C' })
  return drawn.encodings?.map(({ data }) => data).join('') ?? ''
}
