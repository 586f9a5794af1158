import { z } from 'zod'
import { BalanceView, DeviceView, LimitView, PaymentView, QuoteView, SourceView } from './objects.ts'
import { PAYMENT_KINDS, PAYMENT_STATUSES } from './names.ts'
import {
  AmountText,
  CompactJws,
  Currency,
  DeviceId,
  ExportedPublicKey,
  MerchantId,
  PaymentId,
  Phone,
  Pin,
  SourceId,
  StoreId,
  UserId,
  isChoosablePin,
  text,
} from './primitives.ts'

/** `wallet` and `operator` are literal; a linked account has an id. */
const SourceRef = z.union([z.literal('wallet'), z.literal('operator'), SourceId])

const Payee = z
  .string()
  .regex(/^(self|(mer|usr)_[0-9A-Za-z]{8,40})$/, 'expected "self" or the id of a merchant or user')

/** Whom a sticker pays. `amount`: where it says how much. */
const Offer = z.object({
  merchant: z.object({ id: MerchantId, name: z.string() }),
  store: StoreId.nullable(),
  currency: Currency,
  amount: AmountText.optional(),
})

/** Between the wallet and a linked account. `pin`: needed where the total is above `pin_above`. */
const AccountOrder = z.strictObject({
  source: SourceRef,
  amount: AmountText,
  currency: Currency,
  confirmation: CompactJws,
  pin: Pin.optional(),
})

/** `pin`: needed where a restricted device approves itself. */
const DeviceOrder = z.strictObject({ device: DeviceId, action: CompactJws, pin: Pin.optional() })

/**
 * The phone's commands: what each takes and answers, and whether it changes
 * something (`starred`: needs an idempotency key). A name that is not here is
 * answered `unknown_command`.
 */
export const COMMANDS = {
  'payment.get': read(z.strictObject({ payment: PaymentId }), PaymentView),
  'payment.list': read(
    z.strictObject({
      limit: z.number().int().min(1).max(100).optional(),
      starting_after: PaymentId.optional(),
      status: z.enum(PAYMENT_STATUSES).optional(),
    }),
    z.object({ data: z.array(PaymentView), has_more: z.boolean() }),
  ),
  'payment.resolve_qr': read(
    z.strictObject({ payload: z.string().min(1).max(512) }),
    z.union([
      z.object({ payment: PaymentView, claim: z.string() }),
      /** A sticker's: the payer says how much (`payment.create`). */
      z.object({ offer: Offer }),
    ]),
  ),
  'payment.create': change(
    z.strictObject({
      merchant: MerchantId,
      store: StoreId.optional(),
      amount: AmountText,
      currency: Currency,
      note: text(140).optional(),
    }),
    PaymentView,
  ),
  quote: read(
    z.strictObject({
      kind: z.enum(PAYMENT_KINDS),
      amount: AmountText,
      currency: Currency,
      source: SourceRef,
      payee: Payee.optional(),
    }),
    QuoteView,
  ),
  'payment.confirm': change(
    z.strictObject({
      payment: PaymentId,
      claim: z.string().min(1).max(512).optional(),
      source: SourceRef,
      confirmation: CompactJws,
      pin: Pin.optional(),
    }),
    PaymentView,
  ),
  'payment.cancel': change(z.strictObject({ payment: PaymentId }), PaymentView),
  'payment.respond': change(
    z.discriminatedUnion('step', [
      z.strictObject({
        payment: PaymentId,
        step: z.literal('enter_code'),
        /** As the payer typed it. */
        value: z.string().regex(/^[0-9A-Za-z]{1,10}$/, 'expected the code: 1 to 10 letters and digits'),
        pin: Pin.optional(),
      }),
      /** The payer's signed yes to a payment that a merchant asked for by the payer's code. */
      z.strictObject({
        payment: PaymentId,
        step: z.literal('confirm_on_phone'),
        source: SourceRef,
        confirmation: CompactJws,
        pin: Pin.optional(),
      }),
    ]),
    PaymentView,
  ),
  'payee.resolve': read(z.strictObject({ phone: Phone }), z.object({ user: UserId, masked_name: z.string() })),
  'transfer.create': change(
    z.strictObject({
      to: UserId,
      amount: AmountText,
      currency: Currency,
      note: text(140).optional(),
      confirmation: CompactJws,
      pin: Pin.optional(),
    }),
    PaymentView,
  ),
  'topup.create': change(AccountOrder, PaymentView),
  'withdrawal.create': change(AccountOrder, PaymentView),
  'source.options': read(
    z.strictObject({}),
    z.object({
      banks: z.array(z.object({ id: z.string(), name: z.string() })),
      operators: z.array(
        z.object({ id: z.string(), name: z.string(), kinds: z.array(z.enum(['operator', 'mobile_money'])) }),
      ),
    }),
  ),
  'source.list': read(z.strictObject({}), z.object({ data: z.array(SourceView) })),
  'source.link': change(
    z.discriminatedUnion('type', [
      z.strictObject({
        type: z.literal('bank'),
        bank: z.string().min(1).max(64),
        account: z.string().min(5).max(34),
        action: CompactJws,
      }),
      /** The enrolled number's account at this operator. */
      z.strictObject({ type: z.literal('mobile_money'), operator: z.string().min(1).max(64), action: CompactJws }),
    ]),
    SourceView,
  ),
  /** The user has approved what was asked for; `value` for a bank that wants one. */
  'source.respond': change(
    z.strictObject({ source: SourceId, value: z.string().min(1).max(64).optional(), action: CompactJws }),
    SourceView,
  ),
  'source.unlink': change(z.strictObject({ source: SourceId, action: CompactJws }), SourceView),
  'wallet.balances': read(z.strictObject({}), z.object({ data: z.array(BalanceView) })),
  'limit.list': read(z.strictObject({}), z.object({ data: z.array(LimitView) })),
  'device.list': read(z.strictObject({}), z.object({ data: z.array(DeviceView) })),
  'device.revoke': change(DeviceOrder, DeviceView),
  /** By another, active device; or by the restricted one itself, with the user's PIN. */
  'device.approve': change(DeviceOrder, DeviceView),
  'pin.set': change(
    z.strictObject({
      pin: Pin.refine(isChoosablePin, 'expected digits that are neither all equal nor a run'),
      /** Needed where there is a PIN already. */
      old_pin: z.string().min(1).max(64).optional(),
      action: CompactJws,
    }),
    z.object({}),
  ),
  /** A number and secret for this device's codes, in place of those it had; the secret is encrypted to `key`. */
  'code.register': change(
    z.strictObject({ key: ExportedPublicKey, action: CompactJws }),
    z.object({
      number: z.string().regex(/^[0-9]{9}$/),
      /** Compact JWE, ECDH-ES and A256GCM: the 32 bytes of the secret. */
      secret_jwe: z.string(),
      step_s: z.number().int().positive(),
      /** What one payment may take without being confirmed on the phone, minor units. */
      no_touch_max: AmountText,
    }),
  ),
} as const

export type CommandName = keyof typeof COMMANDS
export type CommandBody<N extends CommandName> = z.infer<(typeof COMMANDS)[N]['body']>
export type CommandAnswer<N extends CommandName> = z.infer<(typeof COMMANDS)[N]['answer']>

export function isCommandName(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name)
}

function read<B extends z.ZodType, A extends z.ZodType>(body: B, answer: A) {
  return { body, answer, starred: false } as const
}

function change<B extends z.ZodType, A extends z.ZodType>(body: B, answer: A) {
  return { body, answer, starred: true } as const
}
