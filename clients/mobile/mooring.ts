import type { BalanceView, PaymentView } from '../../src/contract/index.ts'
import { AccessTokens } from './access-tokens.ts'
import { Channel } from './channel.ts'
import { CommandQueue } from './command-queue.ts'
import { registerCode, type CodeMaker, type Register } from './customer-code.ts'
import { deferred } from './deferred.ts'
import type { DeviceKey } from './device-key.ts'
import { MooringError } from './errors.ts'
import { eventOf, type MooringEvent } from './events.ts'
import { Feeds } from './feeds.ts'
import type { EventFrame, PingFrame, ReadyFrame, SnapshotFrame } from './frames.ts'
import { LIMITS } from './limits.ts'
import type { LinkFrame } from './link.ts'
import { LocalState } from './local-state.ts'
import {
  MoneyOrders,
  type AccountOrder,
  type BankLink,
  type ConsentOrder,
  type DeviceApproval,
  type DeviceOrder,
  type LinkedAccount,
  type MobileMoneyLink,
  type PayOrder,
  type PinChange,
  type TransferOrder,
} from './money-orders.ts'
import {
  STARRED,
  answersPayment,
  isAnswer,
  isPayment,
  type CommandAnswer,
  type CommandBody,
  type CommandName,
} from './answers.ts'
import type { CommandOptions, ConnectOptions } from './options.ts'
import { PaymentStreams } from './payment-stream.ts'
import { platform, type Ports } from './ports.ts'
import { token, type Signer } from './proofs.ts'
import { ServerClock } from './server-clock.ts'
import { Session, type SessionStatus } from './session.ts'
import { Saver, type Saved } from './store.ts'

/** A user's live connection: commands out, events in, the state they add up to. */
export class Mooring {
  readonly #ports: Ports
  readonly #device: string
  readonly #key: DeviceKey
  readonly #serverClock: ServerClock
  readonly #session: Session
  readonly #commands: CommandQueue
  readonly #orders: MoneyOrders
  readonly #feeds: Feeds
  readonly #state: LocalState
  readonly #streams = new PaymentStreams()
  readonly #saver: Saver
  readonly #listeners = new Set<Channel<MooringEvent>>()
  readonly #opened = deferred<void>()
  #status: SessionStatus = 'connecting'
  #ready: ReadyFrame | null = null
  #headsBefore: Record<string, number> = {}
  #heardAt: number | null = null
  #ended: { error: MooringError | null } | null = null

  constructor(options: ConnectOptions, saved: Saved | null) {
    this.#ports = platform(options.ports)
    this.#device = options.identity.device
    this.#key = options.key
    this.#serverClock = new ServerClock(this.#ports.clock)
    this.#feeds = new Feeds(saved?.cursors)
    this.#state = new LocalState((payment) => this.#streams.changed(payment), saved?.payments, saved?.balances)
    this.#saver = new Saver(options.store ?? null, () => this.#saved())
    this.#commands = new CommandQueue(this.#ports, (frame) => this.#session.send(frame))
    this.#orders = new MoneyOrders(
      (name, body, more) => this.#submit(name, body, more),
      () => this.#signer(),
    )
    const late = () => {
      this.#session.close(new MooringError('connection_lost', 'no session came about in time', { retryable: true }))
    }
    const deadline_ms = options.deadline_ms === undefined ? LIMITS.first_ready_ms : options.deadline_ms
    const cancel = deadline_ms === null ? () => {} : this.#ports.clock.after(deadline_ms, late)
    this.opened = this.#opened.promise.finally(cancel)
    this.#session = new Session({
      ports: this.#ports,
      urls: typeof options.url === 'string' ? [options.url] : options.url,
      device: this.#device,
      key: this.#key,
      tokens: new AccessTokens({ ports: this.#ports, bridge: options.bridge, device: this.#device, key: this.#key }),
      serverClock: this.#serverClock,
      cursors: () => this.#feeds.cursors(),
      onReady: (frame) => this.#onReady(frame),
      onFrame: (frame) => this.#onFrame(frame),
      onLost: () => this.#commands.detach(),
      onClosed: (error) => this.#onClosed(error),
      onStatus: (status) => {
        this.#status = status
        options.onStatus?.(status)
      },
    })
  }

  /** Resolves at the first session, rejects where it never comes. */
  readonly opened: Promise<void>

  get status(): SessionStatus {
    return this.#status
  }

  /** The user's id, known from the first session on. */
  get user(): string {
    return this.#current().user
  }

  /** Payments of this user as this device knows them, by id. */
  get payments(): ReadonlyMap<string, PaymentView> {
    return this.#state.payments
  }

  /** Wallet balances by currency. */
  get balances(): ReadonlyMap<string, BalanceView> {
    return this.#state.balances
  }

  /** When the server was last heard, by this device's clock, milliseconds since the epoch; null: not yet. */
  get heardAt(): number | null {
    return this.#heardAt
  }

  /** Time by the server, milliseconds since the epoch. */
  serverNow(): number {
    return this.#serverClock.now()
  }

  /**
   * Sends a command and brings its answer. A lost socket, silence and retryable
   * answers are retried until the deadline, a starred command always under one
   * key. Throws MooringError; see its `outcome`.
   */
  command<N extends CommandName>(
    name: N,
    body: CommandBody<N>,
    options: CommandOptions = {},
  ): Promise<CommandAnswer<N>> {
    return this.#submit(name, () => Promise.resolve(body), options)
  }

  /** Confirms a purchase: quoted, signed over exactly what happens, at most once. */
  pay(order: PayOrder): Promise<PaymentView> {
    return this.#orders.pay(order)
  }

  transfer(order: TransferOrder): Promise<PaymentView> {
    return this.#orders.transfer(order)
  }

  topup(order: AccountOrder): Promise<PaymentView> {
    return this.#orders.topup(order)
  }

  withdraw(order: AccountOrder): Promise<PaymentView> {
    return this.#orders.withdraw(order)
  }

  linkBank(link: BankLink): Promise<CommandAnswer<'source.link'>> {
    return this.#orders.linkBank(link)
  }

  linkMobileMoney(link: MobileMoneyLink): Promise<CommandAnswer<'source.link'>> {
    return this.#orders.linkMobileMoney(link)
  }

  /** Says that what a linked account's bank asked for is done. */
  respondToSource(linked: LinkedAccount): Promise<CommandAnswer<'source.respond'>> {
    return this.#orders.respondToSource(linked)
  }

  unlink(linked: LinkedAccount): Promise<CommandAnswer<'source.unlink'>> {
    return this.#orders.unlink(linked)
  }

  /** Shuts a device out, this one or another of the user's; its sockets are closed at once. */
  revokeDevice(order: DeviceOrder): Promise<CommandAnswer<'device.revoke'>> {
    return this.#orders.revokeDevice(order)
  }

  /** Lifts a device's restriction: from another, active device, or on the restricted one with the PIN. */
  approveDevice(approval: DeviceApproval): Promise<CommandAnswer<'device.approve'>> {
    return this.#orders.approveDevice(approval)
  }

  /** Sets the PIN; where there is one already, `oldPin` is needed. */
  setPin(change: PinChange): Promise<void> {
    return this.#orders.setPin(change)
  }

  /** The code that a payment's `next_action` asks for; a wrong one brings the payment back as `requires_action`. */
  enterCode(payment: string, value: string, options: CommandOptions = {}): Promise<PaymentView> {
    return this.command('payment.respond', { payment, step: 'enter_code', value }, options)
  }

  /** Says yes to a payment that a merchant asked for by this user's code: its `next_action` is `confirm_on_phone`. */
  confirmOnPhone(order: ConsentOrder): Promise<PaymentView> {
    return this.#orders.confirmOnPhone(order)
  }

  /**
   * What makes this device's customer codes from now on, in place of what made them before; show them by
   * `customerCode`. Where the outcome is unknown, register again.
   */
  registerCode(options: { extractable?: boolean; deadline_ms?: number } = {}): Promise<CodeMaker> {
    const register: Register = (body) => this.#orders.registerCode(body, options)
    return registerCode(register, { extractable: options.extractable ?? false, subtle: this.#ports.subtle })
  }

  /** What happens from now on, to any number of readers; each sees every event once and in order. */
  events(options: { buffer?: number } = {}): AsyncIterableIterator<MooringEvent> {
    const channel: Channel<MooringEvent> = new Channel({
      limit: options.buffer ?? LIMITS.event_buffer,
      onFull: 'fail',
      onDone: () => this.#listeners.delete(channel),
    })
    this.#listeners.add(channel)
    if (this.#ended !== null) channel.end(this.#ended.error)
    return channel
  }

  /** One payment's versions in order, from its present state to its terminal one. */
  payment(id: string): AsyncIterableIterator<PaymentView> {
    return this.#streams.open(id, this.#state.payments.get(id), () => this.command('payment.get', { payment: id }))
  }

  /** Resumes at once instead of waiting for a backoff or a watchdog: call it when the phone wakes or comes online. */
  wake(): void {
    this.#session.resume('woken')
  }

  /** Ends the connection; what is in flight fails with `closed` and its `outcome`, iterators finish. */
  async close(): Promise<void> {
    this.#session.close()
    await this.#saver.flushed()
  }

  async #submit<N extends CommandName>(
    name: N,
    body: () => Promise<CommandBody<N>>,
    options: CommandOptions,
  ): Promise<CommandAnswer<N>> {
    const key = options.key ?? (STARRED[name] ? token(this.#ports.random) : null)
    const deadline_ms = options.deadline_ms ?? LIMITS.command_deadline_ms
    const answer = await this.#commands.submit({ name, key, body, deadline_ms })
    if (!isAnswer(name, answer)) {
      throw new MooringError('protocol_fault', `the answer to ${name} is not of its kind`, { outcome: 'unknown', key })
    }
    if (answersPayment(name) && isPayment(answer)) {
      this.#state.applyPayment(answer)
      this.#saver.changed()
    }
    return answer
  }

  #onReady(frame: ReadyFrame): void {
    this.#ready = frame
    this.#heardAt = this.#ports.clock.now()
    this.#headsBefore = {}
    this.#feeds.opened(frame.feeds)
    this.#commands.attach()
    this.#opened.resolve()
  }

  #onFrame(frame: LinkFrame): void {
    this.#heardAt = this.#ports.clock.now()
    switch (frame.t) {
      case 'reply':
        this.#commands.reply(frame)
        return
      case 'event':
        this.#onEvent(frame)
        return
      case 'snapshot':
        this.#onSnapshot(frame)
        return
      case 'ping':
        this.#onPing(frame)
        return
      case 'token':
        this.#session.tokenTaken()
        return
      case 'goaway':
        this.#commands.hold()
        this.#session.drain(frame.reconnect_after_ms)
        return
    }
  }

  #onEvent(frame: EventFrame): void {
    const verdict = this.#feeds.judge(frame)
    if (verdict === 'gap') {
      this.#session.resume('hole in a feed')
      return
    }
    if (verdict === 'drop') return
    const event = eventOf(frame)
    if (event === null) {
      this.#session.resume('malformed event')
      return
    }
    if (event.name === 'payment.updated') this.#state.applyPayment(event.body)
    if (event.name === 'balance.updated') this.#state.applyBalance(event.body)
    this.#feeds.advance(frame)
    this.#saver.changed()
    this.#publish(event)
  }

  #onSnapshot(frame: SnapshotFrame): void {
    const parts = this.#feeds.gather(frame)
    if (parts === null) return
    const lost = this.#state.applySnapshot(parts)
    this.#feeds.restart(frame)
    this.#saver.changed()
    this.#publish({ name: 'snapshot', feed: frame.feed, seq: frame.seq })
    for (const payment of lost) {
      // Failing is no loss: whoever looks at this payment asks for it again.
      this.command('payment.get', { payment }).catch(() => {})
    }
  }

  /** A head that was already there at the last ping and still has not come means that something was missed. */
  #onPing(frame: PingFrame): void {
    const before = this.#headsBefore
    this.#headsBefore = frame.heads
    for (const [feed, head] of Object.entries(before)) {
      const seq = this.#feeds.seq(feed)
      if (seq !== null && seq < head) {
        this.#session.resume('events missing')
        return
      }
    }
    void this.#session.refresh(frame.nonce)
  }

  #onClosed(error: MooringError | null): void {
    this.#ended = { error }
    const closed = error ?? new MooringError('closed', 'the client was closed')
    this.#opened.reject(closed)
    this.#commands.close(closed)
    this.#streams.close(error)
    for (const listener of this.#listeners) listener.end(error)
  }

  #publish(event: MooringEvent): void {
    for (const listener of this.#listeners) listener.push(event)
  }

  #signer(): Signer {
    const { user, env } = this.#current()
    const { random, subtle } = this.#ports
    const serverNow = () => this.#serverClock.now()
    return { key: this.#key, user, device: this.#device, env, random, subtle, serverNow }
  }

  #current(): ReadyFrame {
    if (this.#ready === null) throw new MooringError('connection_lost', 'no session yet', { outcome: 'not_sent' })
    return this.#ready
  }

  #saved(): Saved {
    return {
      cursors: this.#feeds.cursors(),
      payments: [...this.#state.payments.values()],
      balances: [...this.#state.balances.values()],
    }
  }
}
