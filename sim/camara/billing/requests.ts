import { createHash } from 'node:crypto'
import { z } from 'zod'
import { Num, readJson } from './json.ts'
import { chargeable, isCurrency, isTaxAmount } from './money.ts'
import { invalidArgument, refuse, type Reply } from './replies.ts'

/** Requests as CAMARA's documents have them, and stricter: a member nobody knows is a mistake of the client's. */

const Amount = z.instanceof(Num)
const PhoneNumber = z.string().regex(/^\+[1-9][0-9]{4,14}$/)
const Tax = { isTaxIncluded: z.boolean().optional(), taxAmount: Amount.refine(isTaxAmount).optional() }

const ChargingInformation = z.strictObject({
  amount: Amount,
  currency: z.string(),
  description: z.string().min(1).max(255),
  ...Tax,
})
const Item = { amount: Amount, currency: z.string(), description: z.string(), ...Tax }

const Text = z.string().min(1).max(255)
const ChargingMetaData = z.strictObject({
  merchantName: Text.optional(),
  merchantIdentifier: Text.optional(),
  fee: Amount.optional(),
  purchaseCategoryCode: Text.optional(),
  channel: Text.optional(),
  serviceId: Text.optional(),
  productId: Text.optional(),
})

/** Loose: what is wrong with a sink has codes of its own. */
const SinkMembers = {
  sink: z.string().optional(),
  sinkCredential: z.record(z.string(), z.unknown()).optional(),
}
const Reference = z.string().min(1).max(64)

const PaymentRequest = z.strictObject({
  amountTransaction: z.strictObject({
    phoneNumber: PhoneNumber.optional(),
    clientCorrelator: Reference.optional(),
    paymentAmount: z.strictObject({
      chargingInformation: ChargingInformation,
      chargingMetaData: ChargingMetaData.optional(),
      paymentDetails: z
        .array(z.strictObject({ id: Text, ...Item }))
        .min(1)
        .optional(),
    }),
    referenceCode: Reference,
  }),
  ...SinkMembers,
})
export type PaymentRequest = z.infer<typeof PaymentRequest>

const refundOf = <T extends z.ZodType>(type: 'total' | 'partial', refundAmount: T) =>
  z.strictObject({
    type: z.literal(type),
    reason: z.string().max(255).optional(),
    ...SinkMembers,
    amountTransaction: z.strictObject({
      clientCorrelator: Reference.optional(),
      referenceCode: Reference,
      refundAmount,
    }),
  })
const MetaData = { chargingMetaData: z.strictObject({ merchantIdentifier: Text.optional() }).optional() }
const RefundRequest = z.discriminatedUnion('type', [
  refundOf('total', z.strictObject(MetaData)),
  refundOf(
    'partial',
    z.strictObject({
      chargingInformation: ChargingInformation,
      refundDetails: z
        .array(z.strictObject({ paymentItemId: Text, ...Item }))
        .min(1)
        .optional(),
      ...MetaData,
    }),
  ),
])
export type RefundRequest = z.infer<typeof RefundRequest>

const Validation = z.strictObject({ authorizationId: z.string().max(256), code: z.string().max(16) })
const Phone = z.strictObject({ phoneNumber: PhoneNumber.optional() })

export type Read<T> = { ok: true; value: T; contentHash: string } | { ok: false; reply: Reply }

const reading =
  <T>(schema: z.ZodType<T>) =>
  (text: string): Read<T> => {
    const json = readJson(text)
    const read = json === null ? null : schema.safeParse(json.value)
    if (read?.success !== true) return { ok: false, reply: invalidArgument() }
    return { ok: true, value: read.data, contentHash: createHash('sha256').update(text).digest('base64url') }
  }

export const readPayment = reading(PaymentRequest)
export const readRefund = reading(RefundRequest)
export const readValidation = reading(Validation)
export const readPhone = reading(Phone)

/** Minor units, or why it cannot be charged. */
export function amountFault(amount: Num, currency: string): Reply | bigint {
  if (!isCurrency(currency)) return invalidArgument('Currency is unknown or not authorized.')
  return chargeable(amount, currency) ?? invalidArgument('The currency has no such amount.')
}

export type Sink = { sink: string | null; sinkToken: string | null; sinkUntilMs: number }

const Credential = z.strictObject({
  credentialType: z.literal('ACCESSTOKEN'),
  accessToken: z.string().min(1).max(4_096),
  accessTokenExpiresUtc: z.iso.datetime({ offset: true }),
  accessTokenType: z.literal('bearer'),
})
export const LOOPBACK_HOSTS = ['127.0.0.1', 'localhost', '[::1]']

/** Where events go, or why they cannot. `httpHosts`: where they may go without TLS. */
export function readSink(request: PaymentRequest | RefundRequest, httpHosts: ReadonlySet<string>): Sink | Reply {
  const { sink, sinkCredential } = request
  if (sink === undefined) return { sink: null, sinkToken: null, sinkUntilMs: 0 }
  const plain = /^http:\/\/([^/:@?#]+|\[::1\])(:[0-9]+)?\//.exec(sink)?.[1]
  const allowed = /^https:\/\/.+$/.test(sink) || (plain !== undefined && httpHosts.has(plain))
  if (!allowed || !URL.canParse(sink)) return refuse(400, 'INVALID_SINK', 'sink not valid for the specified protocol')
  if (sinkCredential === undefined) return { sink, sinkToken: null, sinkUntilMs: Number.MAX_SAFE_INTEGER }
  if (sinkCredential['credentialType'] !== 'ACCESSTOKEN')
    return refuse(400, 'INVALID_CREDENTIAL', 'Only Access token is supported')
  if (sinkCredential['accessTokenType'] !== 'bearer')
    return refuse(400, 'INVALID_TOKEN', 'Only bearer token is supported')
  const credential = Credential.safeParse(sinkCredential)
  if (!credential.success) return invalidArgument()
  const { accessToken, accessTokenExpiresUtc } = credential.data
  return { sink, sinkToken: accessToken, sinkUntilMs: Date.parse(accessTokenExpiresUtc) }
}
