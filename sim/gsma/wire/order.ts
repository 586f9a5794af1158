import { z } from 'zod'
import { currencyIsKept, readAmount } from './amount.ts'
import { invalid, type WireError } from './error.ts'
import { readJson } from './json.ts'

/** Bodies of the orders this operator takes, read as strictly as the OpenAPI file and our profile allow. */

const Party = z.strictObject({ key: z.string().min(1).max(256), value: z.string().min(1).max(256) })
const Parties = z.array(Party).min(1).max(10)
const Shared = {
  requestingOrganisationTransactionReference: z.string().regex(/^[A-Za-z0-9]{1,30}$/),
  descriptionText: z.string().max(160).optional(),
  requestDate: z.iso.datetime({ offset: true }).optional(),
  subType: z.string().max(256).optional(),
  metadata: z.array(Party).max(20).optional(),
}
const Currency = z.string().regex(/^[A-Z]{3}$/)
const TransactionBody = z.strictObject({
  ...Shared,
  amount: z.string(),
  currency: Currency,
  debitParty: Parties,
  creditParty: Parties,
  oneTimeCode: z.string().max(256).optional(),
})
const ReversalBody = z
  .strictObject({
    ...Shared,
    type: z.enum(['reversal', 'adjustment']),
    amount: z.string().optional(),
    currency: Currency.optional(),
  })
  .refine(({ amount, currency }) => (amount === undefined) === (currency === undefined), {
    path: ['currency'],
    message: 'amount and currency come together',
  })

export type Money = { amountMinor: bigint; currency: string }
export type Order = {
  reference: string
  description: string
  requestDate: string | null
} & (
  | { kind: 'transaction'; money: Money; msisdn: string; accountId: string }
  /** No money: all of it. */
  | { kind: 'reversal'; type: 'reversal' | 'adjustment'; money: Money | null }
)
export type ReadOrder = { ok: true; order: Order } | { ok: false; error: WireError }

const refused = (error: WireError): ReadOrder => ({ ok: false, error })

export function readTransaction(type: 'merchantpay' | 'disbursement', body: Uint8Array): ReadOrder {
  const read = parse(TransactionBody, body)
  if (!read.ok) return read
  const { amount, currency, debitParty, creditParty } = read.body
  const money = readMoney(amount, currency)
  if ('error' in money) return refused(money.error)
  const [customer, own] = type === 'merchantpay' ? [debitParty, creditParty] : [creditParty, debitParty]
  const msisdn = onlyParty(customer, 'msisdn')
  const accountId = onlyParty(own, 'accountid')
  if (accountId === null) return refused(invalid('mandatoryValueNotSupplied', 'accountid', ''))
  if (msisdn === null) return refused(invalid('mandatoryValueNotSupplied', 'msisdn', ''))
  const number = e164Of(msisdn)
  if (number === null) return refused(invalid('formatError', 'msisdn', msisdn))
  return { ok: true, order: { kind: 'transaction', ...common(read.body), money, msisdn: number, accountId } }
}

export function readReversal(body: Uint8Array): ReadOrder {
  const read = parse(ReversalBody, body)
  if (!read.ok) return read
  const { type, amount, currency } = read.body
  if (type === 'adjustment' && amount === undefined) {
    return refused(invalid('mandatoryValueNotSupplied', 'amount', ''))
  }
  const money = amount === undefined || currency === undefined ? null : readMoney(amount, currency)
  if (money !== null && 'error' in money) return refused(money.error)
  return { ok: true, order: { kind: 'reversal', ...common(read.body), type, money } }
}

function common(body: z.infer<typeof TransactionBody> | z.infer<typeof ReversalBody>) {
  return {
    reference: body.requestingOrganisationTransactionReference,
    description: body.descriptionText ?? '',
    requestDate: body.requestDate ?? null,
  }
}

function parse<T>(schema: z.ZodType<T>, bytes: Uint8Array): { ok: true; body: T } | Extract<ReadOrder, { ok: false }> {
  const json = readJson(bytes)
  if (!json.ok) return { ok: false, error: invalid('formatError', 'body', json.why) }
  const read = schema.safeParse(json.value)
  if (read.success) return { ok: true, body: read.data }
  const [issue] = read.error.issues
  const path = issue?.path.join('.') ?? ''
  const isMissing = issue?.code === 'invalid_type' && issue.message.endsWith('received undefined')
  const code = isMissing ? 'mandatoryValueNotSupplied' : issue?.code === 'too_big' ? 'lengthError' : 'formatError'
  return { ok: false, error: invalid(code, path, issue?.message ?? '') }
}

function readMoney(amount: string, currency: string): Money | { error: WireError } {
  if (!currencyIsKept(currency)) return { error: invalid('currencyNotSupported', 'currency', currency) }
  const read = readAmount(amount, currency)
  if (!read.ok) return { error: invalid(read.why === 'negative' ? 'negativeValue' : 'formatError', 'amount', amount) }
  if (read.minor === 0n) return { error: invalid('formatError', 'amount', amount) }
  return { amountMinor: read.minor, currency }
}

function onlyParty(parties: z.infer<typeof Parties>, key: string): string | null {
  const [party, ...others] = parties
  return party?.key === key && others.length === 0 ? party.value : null
}

/** The standard allows blanks and leaves out the plus. */
function e164Of(msisdn: string): string | null {
  const digits = /^\+?([0-9 ]+)$/.exec(msisdn)?.[1]?.replaceAll(' ', '') ?? ''
  return /^[1-9][0-9]{5,14}$/.test(digits) ? `+${digits}` : null
}
