import { z } from 'zod'
import {
  AmountText,
  BalanceView,
  CompactJws,
  Currency,
  DeviceId,
  ExportedPublicKey,
  ERROR_CODES,
  EnrolmentId,
  DeviceView,
  LimitView,
  MerchantId,
  MerchantPayment,
  PAYMENT_STATUSES,
  PaymentId,
  PaymentView,
  Phone,
  Pin,
  RefundId,
  RefundView,
  SourceId,
  SourceView,
  StoreId,
  Timestamp,
  UserId,
} from '../../src/contract/index.ts'

/** Schemas that a reader knows by a word. */
const WORDS = new Map<z.core.$ZodType, string>([
  [AmountText, 'amount'],
  [Currency, 'currency'],
  [CompactJws, 'JWS'],
  [Timestamp, 'time'],
  [Phone, 'phone'],
  [PaymentId, '"pay_…"'],
  [RefundId, '"rfd_…"'],
  [UserId, '"usr_…"'],
  [StoreId, '"sto_…"'],
  [MerchantId, '"mer_…"'],
  [DeviceId, '"dev_…"'],
  [SourceId, '"src_…"'],
  [EnrolmentId, '"enr_…"'],
  [PaymentView, 'payment'],
  [MerchantPayment, 'payment'],
  [RefundView, 'refund'],
  [BalanceView, 'balance'],
  [SourceView, 'source'],
  [LimitView, 'limit'],
  [DeviceView, 'device'],
  [Pin, 'PIN'],
  [ExportedPublicKey, 'P-256 public JWK'],
])

/** More options than this are known by what they are a list of. */
const LONG_LIST = 6

/** A schema in one line, as the documents write shapes: `{payment: "pay_…", limit?: 1 … 100}`. */
export function shape(schema: z.core.$ZodType): string {
  const word = WORDS.get(schema)
  if (word !== undefined) return word
  if (schema instanceof z.ZodObject) return objectShape(schema)
  if (schema instanceof z.ZodArray) return `[${shape(schema.element)}]`
  if (schema instanceof z.ZodUnion) return schema.options.map(shape).join(' | ')
  if (schema instanceof z.ZodEnum && schema.options.length > LONG_LIST) return longList(schema)
  if (schema instanceof z.ZodEnum) return schema.options.map((option) => JSON.stringify(option)).join(' | ')
  if (schema instanceof z.ZodLiteral) return [...schema.values].map((value) => JSON.stringify(value)).join(' | ')
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return shape(schema.unwrap())
  if (schema instanceof z.ZodNullable) return `${shape(schema.unwrap())} | null`
  if (schema instanceof z.ZodRecord) return `{text: ${shape(schema.valueType)}}`
  if (schema instanceof z.ZodNumber) return number(schema)
  if (schema instanceof z.ZodString) return schema.maxLength === null ? 'text' : `text ≤ ${schema.maxLength}`
  if (schema instanceof z.ZodNull) return 'null'
  if (schema instanceof z.ZodBoolean) return 'true | false'
  throw new Error(`no way to write down a ${schema._zod.def.type}`)
}

function longList(schema: z.ZodEnum): string {
  if (schema.options.length === ERROR_CODES.length) return 'error code'
  if (schema.options.length === PAYMENT_STATUSES.length) return 'status'
  throw new Error(`a list of ${schema.options.length} without a name`)
}

/** The fields of an object, also of one that is known by a word. */
export function objectShape(schema: z.ZodObject): string {
  const fields = Object.entries<z.core.$ZodType>(schema.shape).map(
    ([name, field]) => `${name}${optional(field)}: ${shape(field)}`,
  )
  return `{${fields.join(', ')}}`
}

const optional = (field: z.core.$ZodType): string =>
  field instanceof z.ZodOptional || field instanceof z.ZodDefault ? '?' : ''

/** Bounds that say something; the largest safe integer is none. */
function number(schema: z.ZodNumber): string {
  const { minValue, maxValue } = schema
  const bounded = minValue !== null && maxValue !== null && maxValue < Number.MAX_SAFE_INTEGER
  return bounded ? `${minValue} … ${maxValue}` : 'number'
}
