import type { PaymentKind } from '../contract/names.ts'

/**
 * What counts against a user's limits for a day and a month: whatever leaves the user, its fee included. A top-up moves
 * a user's own money to the user's own wallet, and is counted when it is spent; the limit of one payment bounds it.
 */
const COUNTED: Readonly<Record<PaymentKind, boolean>> = {
  purchase: true,
  transfer: true,
  withdrawal: true,
  topup: false,
}

export function countsAgainstLimits(kind: PaymentKind): boolean {
  return COUNTED[kind]
}

/** The buckets a moment falls into: `day:2026-11-23`, `month:2026-11`. */
export type Periods = { day: string; month: string }

/** Days and months as they are in an IANA time zone. @throws RangeError for a zone that does not exist */
export function periodsIn(timeZone: string): (nowMs: number) => Periods {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  })
  return (nowMs) => {
    const parts = new Map(format.formatToParts(nowMs).map(({ type, value }) => [type, value]))
    const month = `${parts.get('year') ?? ''}-${parts.get('month') ?? ''}`
    return { day: `day:${month}-${parts.get('day') ?? ''}`, month: `month:${month}` }
  }
}
