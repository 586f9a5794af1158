import type { BalanceView, PaymentView } from '../../../src/contract/index.ts'
import {
  deviceKey,
  isTerminal,
  MooringError,
  open,
  type CodeMaker,
  type Mooring,
  type SessionStatus,
} from '../../mobile/index.ts'
import type { Config } from './config.ts'
import { Emitter } from './emitter.ts'
import { Latest } from './latest.ts'
import { Older } from './older.ts'
import { OrderBook, type OrdersOf } from './order-book.ts'
import { paymentOf, type Order } from './order.ts'
import type { Device, Source } from './sources.ts'
import { Trail } from './trail.ts'
import type { Kept, Vault } from './vault.ts'

/**
 * How things stand with the server. `live`: what is shown is so now. `connecting`, `offline`: it was so at `heardAt`.
 * `ended`: the server will not have this device any more.
 */
export type Line = 'live' | 'connecting' | 'offline' | 'ended'

/** So many ended payments a snapshot brings (protocol.md §1): with fewer there are no older ones. */
const SNAPSHOT_ENDED = 50
/** Silence after which a socket is dead: the server's heartbeat (protocol.md §1) and the grace that the SDK gives it. */
const SILENCE_MAX_MS = 25_000 + 10_000

/** This device's wallet: the SDK's client, the orders it keeps, and what is known of the rest. */
export class Wallet extends Emitter {
  readonly config: Config
  readonly client: Mooring
  readonly book: OrderBook
  readonly phone: string
  readonly user: string
  readonly device: string
  readonly #vault: Vault
  readonly #trail = new Trail()
  readonly #heard: Latest
  readonly #older: Older
  #status: SessionStatus = 'connecting'
  #online = navigator.onLine
  #heardBefore: number | null
  #sources: Source[]
  #devices: Device[]
  #code: CodeMaker | null
  #ended: MooringError | null = null

  private constructor(parts: {
    config: Config
    vault: Vault
    client: Mooring
    book: OrderBook
    device: Kept['device']
    heard: number | null
    sources: Source[]
    devices: Device[]
    code: CodeMaker | null
  }) {
    super()
    this.config = parts.config
    this.client = parts.client
    this.book = parts.book
    this.phone = parts.device.phone
    this.user = parts.device.identity.user
    this.device = parts.device.identity.device
    this.#vault = parts.vault
    this.#heard = new Latest(async () => {
      if (this.heardAt !== null) await this.#vault.put('heard', this.heardAt)
    })
    this.#older = new Older((body) => this.client.command('payment.list', body))
    this.#heardBefore = parts.heard
    this.#sources = parts.sources
    this.#devices = parts.devices
    this.#code = parts.code
  }

  /** At once, with what is kept; the session comes when it can. */
  static async open(config: Config, vault: Vault, device: Kept['device']): Promise<Wallet> {
    let wallet: Wallet | null = null
    const shelf = { get: () => vault.get('orders'), put: (kept: OrdersOf) => vault.put('orders', kept) }
    const book = await OrderBook.open(shelf, device.identity.user, () => wallet?.changed(), {
      now: () => Date.now(),
      after: (ms, callback) => void setTimeout(callback, ms),
    })
    const [heard, sources, devices, code] = await Promise.all([
      vault.get('heard'),
      vault.get('sources'),
      vault.get('devices'),
      vault.get('code'),
    ])
    const client = await open({
      url: config.edges,
      bridge: config.bridge,
      identity: device.identity,
      key: deviceKey(device.pair),
      store: { load: () => vault.get('state'), save: (state) => vault.put('state', state) },
      onStatus: (status) => wallet?.onStatus(status),
    })
    const kept = { sources: sources ?? [], devices: devices ?? [], code }
    wallet = new Wallet({ config, vault, client, book, device, heard, ...kept })
    void wallet.#listen()
    wallet.onStatus(client.status)
    return wallet
  }

  get line(): Line {
    if (this.#ended !== null || this.#status === 'closed') return 'ended'
    if (!this.#online) return 'offline'
    return this.#status === 'connecting' ? 'connecting' : 'live'
  }

  /** When what is shown was last known to be so, by this device's clock; null: never. */
  get heardAt(): number | null {
    return this.client.heardAt ?? this.#heardBefore
  }

  /** Why the server ended it. */
  get ended(): MooringError | null {
    return this.#ended
  }

  get balance(): BalanceView {
    const { currency } = this.config
    return this.client.balances.get(currency) ?? { currency, available: '0', pending: '0' }
  }

  get balances(): BalanceView[] {
    const others = [...this.client.balances.values()].filter(({ currency }) => currency !== this.config.currency)
    return [this.balance, ...others]
  }

  get sources(): readonly Source[] {
    return this.#sources
  }

  get devices(): readonly Device[] {
    return this.#devices
  }

  /** Whether this device only looks, until it is approved. */
  get isRestricted(): boolean {
    return this.#devices.some(({ id, status }) => id === this.device && status === 'restricted')
  }

  /** What makes this device's payment codes; null: not set up yet. */
  get code(): CodeMaker | null {
    return this.#code
  }

  /** The payment that a shop has asked for by this user's code, and that waits for a yes. */
  get asked(): PaymentView | undefined {
    return this.payments.find(
      ({ id, next_action }) => next_action?.type === 'confirm_on_phone' && !isAnswered(this.orderOf(id)),
    )
  }

  /** Payments as far as this device knows them, newest first. */
  get payments(): PaymentView[] {
    const all = new Map(this.#older.payments)
    for (const payment of this.client.payments.values()) all.set(payment.id, payment)
    return [...all.values()]
      .filter(({ status, id }) => status !== 'requires_confirmation' || this.#isOrdered(id))
      .toSorted((a, b) => (a.created_at < b.created_at ? 1 : -1))
  }

  get hasOlder(): boolean {
    return this.#older.more && this.payments.length >= SNAPSHOT_ENDED
  }

  payment(id: string): PaymentView | undefined {
    return this.client.payments.get(id) ?? this.#older.payments.get(id)
  }

  /** Every version of a payment that was seen here, in order. */
  stepsOf(id: string) {
    return this.#trail.of(id)
  }

  orderOf(payment: string): Order | undefined {
    return [...this.book.orders.values()].findLast((order) => paymentOf(order) === payment)
  }

  /** The browser's word on whether there is a network; where it came back, the session resumes at once. */
  setOnline(online: boolean): void {
    this.#online = online
    // Gone without a close frame, a socket looks alive for half a minute: it is given up now.
    this.client.wake()
    this.changed()
  }

  /** Somebody looks at the page again: a phone that slept has heard no timer, and may have no socket any more. */
  looked(): void {
    const { heardAt } = this.client
    const isSilent = heardAt !== null && Date.now() - heardAt > SILENCE_MAX_MS
    if (this.line === 'connecting' || isSilent) this.client.wake()
  }

  async refreshSources(): Promise<void> {
    const { data } = await this.client.command('source.list', {})
    this.#sources = data
    this.changed()
    await this.#vault.put('sources', data)
  }

  async refreshDevices(): Promise<void> {
    const { data } = await this.client.command('device.list', {})
    this.#devices = data
    this.changed()
    await this.#vault.put('devices', data)
  }

  /** Sets this device's payment codes up; those it made before are no longer good. */
  async setUpCode(): Promise<void> {
    this.#code = await this.client.registerCode()
    await this.#vault.put('code', this.#code)
    this.changed()
  }

  /** Brings payments that are not known yet, where there are any. */
  async loadOlder(): Promise<void> {
    const { length } = this.payments
    await this.#older.read(() => this.payments.length > length)
    this.changed()
  }

  /** Ends the session; nothing is forgotten. */
  async close(): Promise<void> {
    await this.book.close()
    await this.client.close()
    await this.#heard.changed()
  }

  onStatus(status: SessionStatus): void {
    this.#status = status
    if (status === 'ready') {
      this.book.attach(this.client)
      this.refreshSources().catch(() => {})
      this.refreshDevices().catch(() => {})
      for (const payment of this.client.payments.values()) this.#trail.see(payment)
    } else if (status !== 'draining') {
      this.book.detach()
    }
    void this.#heard.changed()
    this.changed()
  }

  async #listen(): Promise<void> {
    for (;;) {
      try {
        for await (const event of this.client.events()) {
          if (event.name === 'payment.updated') this.#trail.see(event.body)
          if (event.name === 'snapshot') {
            this.#older.restart()
            for (const one of this.client.payments.values()) this.#trail.see(one)
          }
          if (event.name === 'source.updated') this.refreshSources().catch(() => {})
          if (event.name === 'device.added' || event.name === 'device.revoked') this.refreshDevices().catch(() => {})
          void this.#heard.changed()
          this.changed()
        }
        return
      } catch (error) {
        if (error instanceof MooringError && error.code === 'consumer_too_slow') continue
        this.#ended = error instanceof MooringError ? error : null
        this.changed()
        return
      }
    }
  }

  #isOrdered(payment: string): boolean {
    return this.orderOf(payment) !== undefined
  }
}

/** An order that was refused has answered nothing. */
function isAnswered(order: Order | undefined): boolean {
  return order !== undefined && order.state.at !== 'refused'
}

/** Whether the payment has come to its end; only the server says so (W5). */
export function isEnded(payment: PaymentView | undefined): boolean {
  return payment !== undefined && isTerminal(payment.status)
}
