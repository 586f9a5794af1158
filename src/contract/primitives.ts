import { z } from 'zod'

/** Decimal string of integer minor units, 0 to 10^18 − 1. Whether 0 or a large value is welcome is a rule, not a shape. */
export const AmountText = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,17})$/, 'expected minor units as a decimal string, e.g. "12345"')

/** ISO 4217 alphabetic code by form; which ones are served is configuration. */
export const Currency = z.string().regex(/^[A-Z]{3}$/, 'expected an ISO 4217 code, e.g. "KES"')

const ID_BODY = '[0-9A-Za-z]{8,40}'

function idOf(prefix: string) {
  return z.string().regex(new RegExp(`^${prefix}_${ID_BODY}$`), `expected an id like "${prefix}_…"`)
}

export const PaymentId = idOf('pay')
export const RefundId = idOf('rfd')
export const UserId = idOf('usr')
export const MerchantId = idOf('mer')
export const StoreId = idOf('sto')
export const DeviceId = idOf('dev')
export const SourceId = idOf('src')
export const EnrolmentId = idOf('enr')
export const SessionId = idOf('ses')

/** A feed is named by the user, merchant or store it belongs to. */
export const FeedId = z
  .string()
  .regex(new RegExp(`^(usr|mer|sto)_${ID_BODY}$`), 'expected the id of a user, merchant or store')

/** The client's idempotency key: 16–64 of [A-Za-z0-9_-]. */
export const IdempotencyKey = z.string().regex(/^[A-Za-z0-9_-]{16,64}$/, 'expected 16 to 64 of A-Z a-z 0-9 _ -')

/** E.164 with the plus sign. */
export const Phone = z.string().regex(/^\+[1-9][0-9]{6,14}$/, 'expected a phone number like "+254700000001"')

/** A PIN as it is typed. Whether it is one that may be chosen is `isChoosablePin`'s to say. */
export const Pin = z.string().regex(/^[0-9]{4,8}$/, 'expected 4 to 8 digits')

/** What nobody should guess first: neither one digit all along (`7777`) nor a run (`3456`, `9876`). */
export function isChoosablePin(pin: string): boolean {
  const steps = Array.from({ length: pin.length - 1 }, (_, i) => Number(pin[i + 1]) - Number(pin[i]))
  return ![-1, 0, 1].some((step) => steps.every((each) => each === step))
}

/** A compact JWS; its content is checked where it is verified. */
export const CompactJws = z.string().min(1).max(4096)

/** RFC 3339, UTC, milliseconds; a day and an hour that exist. */
export const Timestamp = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'expected RFC 3339 UTC with milliseconds')
  .refine((time) => isInstant(time), 'expected a time that exists')

/** Whether the calendar has it: 30 February reads back as another day, a 25th hour not at all. */
function isInstant(time: string): boolean {
  const date = new Date(time)
  return !Number.isNaN(date.getTime()) && date.toISOString() === time
}

/** A P-256 public key as a JWK; private or unknown members are refused. */
export const DevicePublicKey = z.strictObject({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  y: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
})
export type DevicePublicKey = z.infer<typeof DevicePublicKey>

/** The same as WebCrypto exports it: its two further members say nothing here. */
export const ExportedPublicKey = DevicePublicKey.extend({
  ext: z.boolean().optional(),
  key_ops: z.array(z.string().max(16)).max(8).optional(),
})

/** Free text shown to people: no control characters, and no half of a surrogate pair, which no database can hold. */
export function text(maxLength: number) {
  return z
    .string()
    .min(1)
    .max(maxLength)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must not contain control characters or broken Unicode')
}
