/**
 * What may be paid by a customer's code alone. Once it is more, the payer is asked on the phone: a code proves that somebody
 * holds the phone, and only a signature that its owner said yes. A payment signed on the device starts the count anew.
 */
export type UntouchedCaps = {
  /** Of one payment, minor units. */
  paymentMaxMinor: bigint
  /** Of a day together, minor units. */
  dayMaxMinor: bigint
  /** Payments in a row. */
  countMax: number
}

/** Since a payment was last signed on the device. */
export type Untouched = { count: number; minor: bigint }

export type UntouchedBefore = Untouched & {
  /** When the last of them was paid; `minor` is of that day. */
  atMs: number | null
  /** When a payment was last signed on the device. */
  touchedMs: number | null
}

/**
 * How it stands once this has been paid as well; null where it needs the payer's yes.
 * @param dayOf names the day of a moment, as `periodsIn` does
 */
export function untouchedAfter(
  before: UntouchedBefore,
  payment: { amountMinor: bigint; atMs: number },
  caps: UntouchedCaps,
  dayOf: (ms: number) => string,
): Untouched | null {
  const { amountMinor, atMs } = payment
  const counts = before.atMs !== null && (before.touchedMs === null || before.touchedMs < before.atMs)
  const sameDay = counts && before.atMs !== null && dayOf(before.atMs) === dayOf(atMs)
  const after = { count: (counts ? before.count : 0) + 1, minor: (sameDay ? before.minor : 0n) + amountMinor }
  const fits = amountMinor <= caps.paymentMaxMinor && after.minor <= caps.dayMaxMinor && after.count <= caps.countMax
  return fits ? after : null
}
