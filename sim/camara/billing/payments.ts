import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import { keyOf } from './book.ts'
import { run, wrongOf, type Desk, type Done } from './calls.ts'
import type { Payment, PaymentStatus } from './entry.ts'
import type { Chosen } from './faults/choose.ts'
import { magicNumber, REFUSING_PAYER } from './faults/magic.ts'
import { REASONS, type Reason } from './faults/kinds.ts'
import { planOf, refusalIn } from './futures.ts'
import { writeJson } from './json.ts'
import {
  alreadyExists,
  invalidArgument,
  notFound,
  preparedJson,
  refuse,
  say,
  type Answer,
  type Reply,
} from './replies.ts'
import {
  amountFault,
  readPayment,
  readPhone,
  readSink,
  readValidation,
  type PaymentRequest,
  type Sink,
} from './requests.ts'

/** createPayment, preparePayment, validatePayment, confirmPayment, cancelPayment. */

/** The most one payment may be, in minor units. */
const AMOUNT_MAX_MINOR = 100_000_000_000n
const CODE_TRIES = 3
const VALIDATION_URL = 'https://operator.example/validate'

export const newId = (prefix: string): string =>
  `${prefix}${randomBytes(15).toString('base64url').replaceAll(/[-_]/g, '0')}`

export const REFUSED: Readonly<Partial<Record<Reason, string>>> = {
  'CARRIER_BILLING.PAYMENT_DENIED': 'Payment denied by business.',
  IDENTIFIER_NOT_FOUND: 'Device identifier not found.',
  SERVICE_NOT_APPLICABLE: 'The service is not available for the provided identifier.',
}

export function refuseFor(reason: Reason): Reply {
  return refuse(REASONS[reason], reason, REFUSED[reason] ?? 'Refused.')
}

/** What a request under a used correlator or reference gets; null where both are new. */
export function duplicateReply(
  desk: Desk,
  operation: 'collect' | 'refund',
  ids: { correlator: string | null; reference: string; contentHash: string },
): Reply | null {
  const { book, settings } = desk
  const byCorrelator = ids.correlator === null ? undefined : book.byCorrelator.get(keyOf(operation, ids.correlator))
  const id = byCorrelator ?? book.byReference.get(keyOf(operation, ids.reference))
  const first = id === undefined ? undefined : (book.payments.get(id) ?? book.refunds.get(id))
  if (first === undefined) return null
  const same = byCorrelator !== undefined && first.contentHash === ids.contentHash
  if (same && settings.repeatsFirstAnswer) return say(201, first.firstAnswer)
  const ended = first.status === 'succeeded' || first.status === 'denied' || first.status === 'cancelled'
  return same && !ended ? invalidArgument('clientCorrelator already exist on server.') : alreadyExists()
}

export async function openPayment(desk: Desk, twoStep: boolean, text: string): Promise<Answer> {
  const read = readPayment(text)
  if (!read.ok) return read.reply
  const { amountTransaction } = read.value
  const { phoneNumber, clientCorrelator, referenceCode, paymentAmount } = amountTransaction
  if (phoneNumber === undefined) return refuse(422, 'MISSING_IDENTIFIER', 'The phone number cannot be identified.')
  const { amount, currency } = paymentAmount.chargingInformation
  const amountMinor = amountFault(amount, currency)
  if (typeof amountMinor !== 'bigint') return amountMinor
  const sink = readSink(read.value, desk.settings.httpHosts)
  if ('kind' in sink) return sink
  const step = twoStep ? 'prepare' : 'create'
  const ids = { correlator: clientCorrelator ?? null, reference: referenceCode, contentHash: read.contentHash }
  const call = { step, operation: 'collect', reference: referenceCode, phone: phoneNumber, amountMinor } as const
  return run(desk, call, (chosen) => {
    const duplicate = duplicateReply(desk, 'collect', ids)
    if (duplicate !== null) return { entry: {}, reply: duplicate }
    const { answer } = chosen
    if (answer?.kind === 'decline')
      return { entry: {}, reply: refuseFor(answer.reason ?? 'CARRIER_BILLING.PAYMENT_DENIED') }
    if (amountMinor > AMOUNT_MAX_MINOR) return { entry: {}, reply: refuseFor('CARRIER_BILLING.UNAUTHORIZED_AMOUNT') }
    if (desk.book.balanceOf(phoneNumber, currency).freeMinor < amountMinor)
      return { entry: {}, reply: refuseFor('CARRIER_BILLING.PAYMENT_DENIED') }
    return enterPayment(desk, { ...ids, ...sink, phone: phoneNumber, amountMinor, twoStep }, read.value, chosen)
  })
}

type Opening = Sink & {
  correlator: string | null
  reference: string
  contentHash: string
  phone: string
  amountMinor: bigint
  twoStep: boolean
}

function enterPayment(desk: Desk, opening: Opening, request: PaymentRequest, chosen: Chosen): Done {
  const { book, futures } = desk
  const { phone, twoStep } = opening
  const { paymentAmount } = request.amountTransaction
  const { chargingInformation, chargingMetaData, paymentDetails } = paymentAmount
  const { currency } = chargingInformation
  const now = book.clock.nowMs()
  const refuses = magicNumber(phone) === REFUSING_PAYER
  const validation = !twoStep ? 'none' : refuses ? 'validate' : book.subscriber(phone).validation
  const target: PaymentStatus = !twoStep ? 'succeeded' : validation === 'none' ? 'reserved' : 'pending_validation'
  const { answer } = chosen
  const expires = answer?.kind === 'expire' ? answer.after_s * 1000 : null
  const refusedInMs = twoStep ? null : (expires ?? (refuses ? 1_000 : null))
  const plan =
    refusedInMs === null
      ? planOf(answer, now, { settled: target, declined: 'denied' })
      : refusalIn(refusedInMs, now, target)
  const entered: Payment = {
    ...opening,
    currency,
    paymentId: newId('P'),
    serverReference: newId('S'),
    merchantId: chargingMetaData?.merchantIdentifier ?? null,
    amountText: writeJson(paymentAmount),
    items: paymentDetails?.map(({ id }) => id) ?? [],
    taxIncluded: chargingInformation.isTaxIncluded ?? false,
    authorizationId: validation === 'none' ? null : randomUUID(),
    code: validation === 'validate' ? randomInt(1_000_000).toString().padStart(6, '0') : null,
    wrongCodes: 0,
    payerRefuses: refuses,
    firstAnswer: '',
    status: 'processing',
    createdAtMs: now,
    doneAtMs: null,
    plan,
    statement: chosen.statement,
    expiresAtMs: twoStep && expires !== null ? now + expires : null,
    returnsAfterMs: chosen.returned === null ? null : chosen.returned.after_s * 1000,
  }
  const settled = plan === null ? futures.enter(entered, target, now) : entered
  const payment: Payment = { ...settled, firstAnswer: preparedJson(settled, null, VALIDATION_URL) }
  const entry = { ...book.openingOf(phone, currency), payment, ...futures.consequences(null, payment, now) }
  const reply =
    answer?.kind === 'duplicate_answer'
      ? alreadyExists()
      : say(201, preparedJson(payment, wrongOf(chosen), VALIDATION_URL), {
          location: `urn:payments:${payment.paymentId}`,
        })
  return { entry, reply }
}

function find(desk: Desk, paymentId: string): Payment | null {
  return desk.book.payments.get(paymentId) ?? null
}

/** The payment as it is when the call is executed. */
function stepCall(
  desk: Desk,
  payment: Payment,
  step: 'validate' | 'confirm' | 'cancel',
  execute: (payment: Payment, chosen: Chosen) => Done,
): Promise<Answer> {
  const { reference, phone, amountMinor, paymentId } = payment
  return run(desk, { step, operation: 'collect', reference, phone, amountMinor }, (chosen) =>
    execute(find(desk, paymentId) ?? payment, chosen),
  )
}

export async function validatePayment(desk: Desk, paymentId: string, text: string): Promise<Answer> {
  const read = readValidation(text)
  if (!read.ok) return read.reply
  const payment = find(desk, paymentId)
  if (payment === null) return notFound()
  const { authorizationId, code } = read.value
  return stepCall(desk, payment, 'validate', (found, chosen) => {
    if (found.status === 'denied' || found.status === 'cancelled') return { entry: {}, reply: validationFailed() }
    if (found.status !== 'pending_validation') return { entry: {}, reply: alreadyExists() }
    const now = desk.book.clock.nowMs()
    const move = (status: PaymentStatus, reply: Reply): Done => moveTo(desk, found, status, reply, now)
    if (chosen.answer?.kind === 'decline') {
      const { reason } = chosen.answer
      return reason === undefined ? move('denied', validationFailed()) : { entry: {}, reply: refuseFor(reason) }
    }
    if (authorizationId !== found.authorizationId)
      return { entry: {}, reply: refuse(400, 'CARRIER_BILLING.INVALID_AUTHORIZATION_ID', 'Invalid authorizationId.') }
    if (code !== found.code) {
      const wrongCodes = found.wrongCodes + 1
      if (wrongCodes >= CODE_TRIES) return moveTo(desk, { ...found, wrongCodes }, 'denied', validationFailed(), now)
      const reply = refuse(400, 'CARRIER_BILLING.INVALID_CODE', 'Invalid code.')
      return { entry: { payment: { ...found, wrongCodes } }, reply }
    }
    const reply = chosen.answer?.kind === 'duplicate_answer' ? alreadyExists() : say(204, null)
    const plan = planOf(chosen.answer, now, { settled: found.payerRefuses ? 'denied' : 'reserved', declined: 'denied' })
    if (plan !== null) return { entry: { payment: { ...found, status: 'processing', plan } }, reply }
    if (chosen.answer?.kind === 'expire') return move('cancelled', reply)
    return move(found.payerRefuses ? 'denied' : 'reserved', reply)
  })
}

const validationFailed = () =>
  refuse(
    400,
    'CARRIER_BILLING.VALIDATION_FAILED',
    'the maximum number of attempts have been consumed for this validation.',
  )
const confirmed = () => refuse(409, 'CARRIER_BILLING.PAYMENT_CONFIRMED', 'Payment already confirmed.')
const cancelled = () => refuse(409, 'CARRIER_BILLING.PAYMENT_CANCELLED', 'Payment already cancelled.')

/** A confirmation that is being worked on. */
const isConfirming = ({ status, plan, twoStep }: Payment) =>
  twoStep && status === 'processing' && plan?.settled === 'succeeded'

export async function confirmPayment(desk: Desk, paymentId: string, text: string): Promise<Answer> {
  const payment = find(desk, paymentId)
  const refusal = phoneFault(payment, text)
  if (payment === null || refusal !== null) return refusal ?? notFound()
  return stepCall(desk, payment, 'confirm', (found, chosen) => {
    const { answer } = chosen
    const now = desk.book.clock.nowMs()
    if (found.status === 'cancelled') return { entry: {}, reply: cancelled() }
    if (found.status === 'succeeded' || isConfirming(found)) return { entry: {}, reply: confirmed() }
    if (found.status === 'denied') return { entry: {}, reply: refuseFor('CARRIER_BILLING.PAYMENT_DENIED') }
    if (found.status !== 'reserved') return { entry: {}, reply: invalidArgument('The payment is not reserved.') }
    if (answer?.kind === 'decline') {
      const reason = answer.reason ?? 'CARRIER_BILLING.PAYMENT_DENIED'
      const reply = refuseFor(reason)
      return reason === 'CARRIER_BILLING.PAYMENT_DENIED'
        ? moveTo(desk, found, 'denied', reply, now)
        : { entry: {}, reply }
    }
    if (answer?.kind === 'expire') return moveTo(desk, found, 'cancelled', cancelled(), now)
    const reply = answer?.kind === 'duplicate_answer' ? confirmed() : say(202, null)
    const later: Payment = {
      ...found,
      statement: chosen.statement ?? found.statement,
      returnsAfterMs: chosen.returned === null ? found.returnsAfterMs : chosen.returned.after_s * 1000,
    }
    const plan = planOf(answer, now, { settled: 'succeeded', declined: 'denied' })
    if (plan !== null) return { entry: { payment: { ...later, status: 'processing', plan } }, reply }
    return moveTo(desk, later, 'succeeded', reply, now)
  })
}

export async function cancelPayment(desk: Desk, paymentId: string, text: string): Promise<Answer> {
  const payment = find(desk, paymentId)
  const refusal = phoneFault(payment, text)
  if (payment === null || refusal !== null) return refusal ?? notFound()
  return stepCall(desk, payment, 'cancel', (found) => {
    const now = desk.book.clock.nowMs()
    if (found.status === 'cancelled') return { entry: {}, reply: cancelled() }
    if (found.status === 'succeeded' || isConfirming(found)) return { entry: {}, reply: confirmed() }
    if (found.status !== 'reserved' && found.status !== 'pending_validation')
      return { entry: {}, reply: invalidArgument('There is no reservation to cancel.') }
    return moveTo(desk, found, 'cancelled', say(202, null), now)
  })
}

/** Confirm and cancel name the phone again, or the token would have to. */
function phoneFault(payment: Payment | null, text: string): Reply | null {
  const read = readPhone(text)
  if (!read.ok) return read.reply
  if (payment === null) return notFound()
  const { phoneNumber } = read.value
  if (phoneNumber === undefined) return refuse(422, 'MISSING_IDENTIFIER', 'The phone number cannot be identified.')
  return phoneNumber === payment.phone ? null : refuseFor('IDENTIFIER_NOT_FOUND')
}

/** Changes the payment, with what belongs to it: movement, SMS, event. */
function moveTo(desk: Desk, before: Payment, status: PaymentStatus, reply: Reply, nowMs: number): Done {
  const { futures, notices } = desk
  const payment = futures.enter(before, status, nowMs)
  const entry = { payment, ...futures.consequences(before, payment, nowMs), notices: notices.about(payment, nowMs) }
  return { entry, reply }
}
