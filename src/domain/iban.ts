/** IBAN (ISO 13616): the check a schema's pattern cannot make, and what people see of one. */

const SHAPE = /^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$/

/** Remainder of an account number by ISO 7064 MOD 97-10, letters counted as 10…35. */
function mod97(text: string): number {
  let rest = 0
  for (const char of text) {
    const value = Number.parseInt(char, 36)
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97
  }
  return rest
}

/** As people type it (blanks, small letters) to as it goes on wires; null where it is no IBAN or its check digits are wrong. */
export function normaliseIban(text: string): string | null {
  const iban = text.replaceAll(/[ \u00a0]/g, '').toUpperCase()
  if (!SHAPE.test(iban)) return null
  return mod97(iban.slice(4) + iban.slice(0, 4)) === 1 ? iban : null
}

/** The IBAN of a national account number, its check digits computed. */
export function makeIban(country: string, accountNumber: string): string {
  const check = String(98 - mod97(`${accountNumber}${country}00`)).padStart(2, '0')
  const iban = normaliseIban(`${country}${check}${accountNumber}`)
  if (iban === null) throw new RangeError('country and account number do not make an IBAN')
  return iban
}

/** What screens and logs show of an account: `··4821`. */
export function ibanLabel(iban: string): string {
  return `··${iban.slice(-4)}`
}
