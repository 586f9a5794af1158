import type { CommandBody } from '../../contract/index.ts'
import type { PaymentKind } from '../../contract/names.ts'
import type { Fee } from '../../domain/fee.ts'
import { minor } from '../../domain/money.ts'
import { refuse } from '../../domain/refusal.ts'
import type { PaymentDeps } from '../deps.ts'
import { type PaymentRow, UNTOUCHED } from '../rows.ts'
import { acceptDecision, acceptance, payerFee, wayOf } from './accept.ts'
import {
  confirmationMismatch,
  resolveSource,
  sumRefusal,
  underConfirmation,
  WALLET,
  type ResolvedSource,
  type Signed,
} from './authorise.ts'
import { maskedPhone } from './payee.ts'
import type { Decision, PhoneCommand } from './pipeline.ts'

/**
 * The kinds a phone starts by itself, born `processing`, or
 * `succeeded` on the express lane: between the user's
 * wallet and a linked account, and to another person.
 */

type Order = {
  kind: Extract<PaymentKind, 'transfer' | 'topup' | 'withdrawal'>
  payee: string
  payeeName: string
  amountMinor: bigint
  description: string | null
  /** As the signature must name it. */
  source: string
  payerFee: Fee
}

export async function decideTopup(
  deps: PaymentDeps,
  command: PhoneCommand<CommandBody<'topup.create'>>,
): Promise<Decision> {
  return betweenOwn(deps, command, 'topup')
}

export async function decideWithdrawal(
  deps: PaymentDeps,
  command: PhoneCommand<CommandBody<'withdrawal.create'>>,
): Promise<Decision> {
  return betweenOwn(deps, command, 'withdrawal')
}

async function betweenOwn(
  deps: PaymentDeps,
  command: PhoneCommand<CommandBody<'topup.create'>>,
  kind: 'topup' | 'withdrawal',
): Promise<Decision> {
  const { principal, body } = command
  return underConfirmation(deps, principal, body.confirmation, async (signed) => {
    const order: Order = {
      kind,
      payee: 'self',
      payeeName: kind === 'topup' ? 'Wallet' : 'Linked account',
      amountMinor: minor(body.amount),
      description: null,
      source: body.source,
      payerFee: await payerFee(deps, kind, minor(body.amount)),
    }
    const mismatch = signatureRefusal(deps, command, order, signed)
    if (mismatch !== null) return mismatch
    const source = await resolveSource(deps, principal.user, body.source, { kind, captureMethod: 'automatic' })
    if (!source.ok) return { kind: 'refusal', refusal: source.error }
    const named = kind === 'withdrawal' ? { ...order, payeeName: source.value.label } : order
    return born(deps, command, named, source.value, signed)
  })
}

export async function decideTransfer(
  deps: PaymentDeps,
  command: PhoneCommand<CommandBody<'transfer.create'>>,
): Promise<Decision> {
  const { principal, body } = command
  if (body.to === principal.user) {
    return { kind: 'refusal', refusal: refuse('invalid_request', 'A transfer goes to somebody else.', { param: 'to' }) }
  }
  return underConfirmation(deps, principal, body.confirmation, async (signed) => {
    const [payee] = await deps.sql<
      { phone: string }[]
    >`select phone from users where id = ${body.to} and status = 'active'`
    if (payee === undefined) {
      return {
        kind: 'refusal',
        refusal: refuse('not_found', 'There is no such person; use payee.resolve.', { param: 'to' }),
      }
    }
    const order: Order = {
      kind: 'transfer',
      payee: body.to,
      payeeName: maskedPhone(payee.phone),
      amountMinor: minor(body.amount),
      description: body.note ?? null,
      source: 'wallet',
      payerFee: await payerFee(deps, 'transfer', minor(body.amount)),
    }
    const mismatch = signatureRefusal(deps, command, order, signed)
    if (mismatch !== null) return mismatch
    return born(deps, command, order, WALLET, signed)
  })
}

function signatureRefusal(
  deps: PaymentDeps,
  command: PhoneCommand<unknown>,
  order: Order,
  signed: Signed,
): Decision | null {
  const refusal = confirmationMismatch(signed, {
    env: deps.rules.env,
    user: command.principal.user,
    device: command.principal.device,
    kind: order.kind,
    subject: { key: command.key },
    payee: order.payee,
    amountMinor: order.amountMinor,
    currency: deps.rules.currency,
    payerFeeMinor: order.payerFee.feeMinor,
    source: order.source,
    captureMethod: 'automatic',
    orderRef: null,
  })
  return refusal === null ? null : { kind: 'refusal', refusal }
}

async function born(
  deps: PaymentDeps,
  command: PhoneCommand<{ pin?: string | undefined }>,
  order: Order,
  source: ResolvedSource,
  signed: Signed,
): Promise<Decision> {
  const sum = await sumRefusal(deps, command, signed, order.amountMinor + order.payerFee.feeMinor)
  if (sum !== null) return { kind: 'refusal', refusal: sum }
  const way = wayOf(deps, { source: order.source, kind: order.kind, capture: 'automatic' })
  if (!way.ok) return { kind: 'refusal', refusal: way.error }
  const now = deps.clock.now()
  const payment: PaymentRow = {
    id: deps.ids.make('pay'),
    ledger: deps.rules.ledger,
    kind: order.kind,
    status_reason: null,
    version: 1,
    amount: order.amountMinor,
    currency: deps.rules.currency,
    fee: 0n,
    fee_plan: null,
    refund_reserved: 0n,
    refunded_amount: 0n,
    ...UNTOUCHED,
    payee: order.payee,
    payee_name: order.payeeName,
    merchant: null,
    store: null,
    capture_method: 'automatic',
    order_ref: null,
    description: order.description,
    failure_code: null,
    failure_message: null,
    metadata: {},
    qr_token: null,
    created_at: new Date(now),
    updated_at: new Date(now),
    expires_at: null,
    started_at: null,
    ...acceptance(
      deps,
      way.value,
      {
        source,
        user: command.principal.user,
        amountMinor: order.amountMinor,
        payerFeeMinor: order.payerFee.feeMinor,
      },
      now,
    ),
  }
  const taxes = { payerFee: order.payerFee.tax }
  const { device } = command.principal
  return acceptDecision(deps, { accepted: payment, before: null, source, jti: signed.jti, device, taxes })
}
