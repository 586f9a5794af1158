import type { PaymentKind } from '../../src/contract/names.ts'
import type { DeviceView, PaymentView, QuoteView, SourceView } from '../../src/contract/index.ts'
import type { CommandAnswer, CommandBody, CommandName } from './answers.ts'
import { action, confirmation, renewable, token, type ConfirmContent, type Signer } from './proofs.ts'

/** Sends a command whose body is made at each sending. */
export type Submit = <N extends CommandName>(
  name: N,
  body: () => Promise<CommandBody<N>>,
  options: { key?: string; deadline_ms?: number },
) => Promise<CommandAnswer<N>>

/**
 * `quote`: what the person was shown; exactly that is signed, and the hub refuses
 * where it no longer holds. Left out, the SDK asks for one. `key`: a key of an
 * earlier try whose outcome is unknown.
 */
export type OrderOptions = {
  quote?: Pick<QuoteView, 'payer_fee' | 'total'>
  /** As the person typed it, where the quote says `pin_required`. */
  pin?: string
  key?: string
  deadline_ms?: number
}

export type PayOrder = OrderOptions & {
  /** As `payment.resolve_qr` or `payment.get` answered it. */
  payment: Pick<PaymentView, 'id' | 'kind' | 'payee' | 'amount' | 'currency' | 'capture_method' | 'order_ref'>
  claim?: string
  /** `wallet`, `operator` or a linked account's `src_…`. */
  source: string
}
/** `payment`: one whose `next_action` is `confirm_on_phone`. */
export type ConsentOrder = Omit<PayOrder, 'claim'> & { pin?: string }
export type TransferOrder = OrderOptions & { to: string; amount: string; currency: string; note?: string }
export type AccountOrder = OrderOptions & { source: string; amount: string; currency: string }
export type BankLink = SendOptions & { bank: string; account: string }
/** `operator`: one that `source.options` names for mobile money. */
export type MobileMoneyLink = SendOptions & { operator: string }
export type LinkedAccount = SendOptions & { source: string }
export type DeviceOrder = SendOptions & { device: string }
/** `pin`: the account's, where a restricted device approves itself. */
export type DeviceApproval = DeviceOrder & { pin?: string }
/** `oldPin`: needed where there is a PIN already. */
export type PinChange = SendOptions & { pin: string; oldPin?: string }
type SendOptions = { key?: string; deadline_ms?: number }
type Unsigned<Body> = Body extends unknown ? Omit<Body, 'action'> : never

type Parties = { kind: PaymentKind; payee: string; amount: string; currency: string; source: string }

/** The commands that move money or open a way to it: each quoted, signed over exactly what happens, and sent under one key. */
export class MoneyOrders {
  readonly #submit: Submit
  readonly #signer: () => Signer

  constructor(submit: Submit, signer: () => Signer) {
    this.#submit = submit
    this.#signer = signer
  }

  /** Confirms a purchase. */
  async pay(order: PayOrder): Promise<PaymentView> {
    const { payment, claim, source } = order
    const sign = await this.#purchase(order)
    const body = async () => ({
      payment: payment.id,
      ...(claim === undefined ? {} : { claim }),
      source,
      confirmation: await sign(),
      ...pinOf(order),
    })
    return this.#submit('payment.confirm', body, { ...sendOptions(order), key: order.key ?? this.#newKey() })
  }

  /** Confirms a purchase that its merchant asked for by the payer's code. */
  async confirmOnPhone(order: ConsentOrder): Promise<PaymentView> {
    const { payment, source, pin } = order
    const sign = await this.#purchase(order)
    const body = async () => ({
      payment: payment.id,
      step: 'confirm_on_phone' as const,
      source,
      confirmation: await sign(),
      ...(pin === undefined ? {} : { pin }),
    })
    return this.#submit('payment.respond', body, { ...sendOptions(order), key: order.key ?? this.#newKey() })
  }

  /** Asks for a number and secret of this device's codes. */
  registerCode(
    covered: Omit<CommandBody<'code.register'>, 'action'>,
    options: SendOptions,
  ): Promise<CommandAnswer<'code.register'>> {
    const sign = renewable(this.#signer(), () => action(this.#signer(), 'code.register', covered))
    const body = async () => ({ ...covered, action: await sign() })
    return this.#submit('code.register', body, { ...sendOptions(options), key: this.#newKey() })
  }

  /** Pays another user from the wallet. */
  async transfer(order: TransferOrder): Promise<PaymentView> {
    const { to, amount, currency, note } = order
    const key = order.key ?? this.#newKey()
    const terms = await this.#terms({ kind: 'transfer', payee: to, amount, currency, source: 'wallet' }, order)
    const sign = this.#confirmed({ key, ...terms, capture_method: 'automatic' })
    const body = async () => ({
      to,
      amount,
      currency,
      ...(note === undefined ? {} : { note }),
      confirmation: await sign(),
      ...pinOf(order),
    })
    return this.#submit('transfer.create', body, { ...sendOptions(order), key })
  }

  /** Brings money from a linked account into the wallet. */
  topup(order: AccountOrder): Promise<PaymentView> {
    return this.#account('topup', order)
  }

  /** Takes money from the wallet to a linked account. */
  withdraw(order: AccountOrder): Promise<PaymentView> {
    return this.#account('withdrawal', order)
  }

  /** Links a bank account by a mandate. */
  linkBank({ bank, account, ...options }: BankLink): Promise<SourceView> {
    return this.#link({ type: 'bank', bank, account }, options)
  }

  /** Links the enrolled number's mobile money account. */
  linkMobileMoney({ operator, ...options }: MobileMoneyLink): Promise<SourceView> {
    return this.#link({ type: 'mobile_money', operator }, options)
  }

  /** Says that what a linked account's bank asked for is done; the bank's answer comes as `source.updated`. */
  respondToSource({ source, ...options }: LinkedAccount): Promise<SourceView> {
    return this.#linked('source.respond', source, options)
  }

  unlink({ source, ...options }: LinkedAccount): Promise<SourceView> {
    return this.#linked('source.unlink', source, options)
  }

  /** Shuts a device of the user out, this one or another; its sockets are closed at once. */
  revokeDevice({ device, ...options }: DeviceOrder): Promise<DeviceView> {
    const sign = this.#signed('device.revoke', { device })
    return this.#submit('device.revoke', async () => ({ device, action: await sign() }), this.#keyed(options))
  }

  /** Ends a device's waiting time: from another, active device, or by itself with the PIN. */
  approveDevice({ device, pin, ...options }: DeviceApproval): Promise<DeviceView> {
    const sign = this.#signed('device.approve', { device })
    const body = async () => ({ device, action: await sign(), ...pinOf({ pin }) })
    return this.#submit('device.approve', body, this.#keyed(options))
  }

  async setPin({ pin, oldPin, ...options }: PinChange): Promise<void> {
    const sign = this.#signed('pin.set', {})
    const old = oldPin === undefined ? {} : { old_pin: oldPin }
    await this.#submit('pin.set', async () => ({ pin, ...old, action: await sign() }), this.#keyed(options))
  }

  /** The signature over a purchase: made once, and anew for a later sending. */
  async #purchase(order: Omit<PayOrder, 'claim'>): Promise<() => Promise<string>> {
    const { payment, source } = order
    const { amount, currency, payee, kind } = payment
    const terms = await this.#terms({ kind, payee, amount, currency, source }, order)
    return this.#confirmed({
      payment: payment.id,
      ...terms,
      capture_method: payment.capture_method,
      ...(payment.order_ref === null ? {} : { order_ref: payment.order_ref }),
    })
  }

  #link(covered: Unsigned<CommandBody<'source.link'>>, options: SendOptions): Promise<SourceView> {
    const sign = this.#signed('source.link', covered)
    return this.#submit('source.link', async () => ({ ...covered, action: await sign() }), this.#keyed(options))
  }

  #linked(name: 'source.respond' | 'source.unlink', source: string, options: SendOptions): Promise<SourceView> {
    const sign = this.#signed(name, { source })
    return this.#submit(name, async () => ({ source, action: await sign() }), this.#keyed(options))
  }

  /** The signature of a command that changes the account, over all of its body but what is secret. */
  #signed(name: CommandName, covered: object): () => Promise<string> {
    return renewable(this.#signer(), () => action(this.#signer(), name, covered))
  }

  #keyed(options: SendOptions): SendOptions & { key: string } {
    return { ...sendOptions(options), key: options.key ?? this.#newKey() }
  }

  async #account(kind: 'topup' | 'withdrawal', order: AccountOrder): Promise<PaymentView> {
    const { source, amount, currency } = order
    const key = order.key ?? this.#newKey()
    const terms = await this.#terms({ kind, payee: 'self', amount, currency, source }, order)
    const sign = this.#confirmed({ key, ...terms, capture_method: 'automatic' })
    const body = async () => ({ source, amount, currency, confirmation: await sign(), ...pinOf(order) })
    return this.#submit(`${kind}.create`, body, { ...sendOptions(order), key })
  }

  async #terms(parties: Parties, order: OrderOptions) {
    const { payer_fee, total } = order.quote ?? (await this.#quote(parties))
    return { ...parties, payer_fee, total }
  }

  #quote({ kind, payee, amount, currency, source }: Parties): Promise<QuoteView> {
    const asked = { kind, amount, currency, source, ...(payee === 'self' ? {} : { payee }) }
    return this.#submit('quote', async () => asked, {})
  }

  #confirmed(content: ConfirmContent): () => Promise<string> {
    return renewable(this.#signer(), () => confirmation(this.#signer(), content))
  }

  #newKey(): string {
    return token(this.#signer().random)
  }
}

function pinOf({ pin }: { pin?: string | undefined }): { pin?: string } {
  return pin === undefined ? {} : { pin }
}

function sendOptions(order: { deadline_ms?: number }): { deadline_ms?: number } {
  return order.deadline_ms === undefined ? {} : { deadline_ms: order.deadline_ms }
}
