import type { PaymentView } from '../../../src/contract/index.ts'
import { MooringError, type Mooring } from '../../mobile/index.ts'
import { isOpen, sending, tried, type Order, type Tried } from './order.ts'

/** Ended orders kept to be looked at. */
const KEPT_ENDED = 50
/** Between two tries to find out what became of an order. */
const AGAIN_MS = 2_000

/** Orders under the user who said yes to them. */
export type OrdersOf = { user: string; orders: Order[] }
type Shelf = { get(): Promise<OrdersOf | null>; put(kept: OrdersOf): Promise<void> }
/** What sends orders. */
export type Sender = Pick<Mooring, 'pay' | 'confirmOnPhone' | 'transfer' | 'topup' | 'withdraw'>
type Surroundings = {
  now: () => number
  /** Calls back once after `ms`. */
  after: (ms: number, callback: () => void) => void
}

/** The orders of this device, kept and sent; see order.ts for what holds of each. */
export class OrderBook {
  readonly #shelf: Shelf
  readonly #user: string
  readonly #changed: () => void
  readonly #surroundings: Surroundings
  readonly #orders = new Map<string, Order>()
  readonly #running = new Set<string>()
  /** As typed, for the sending to come; never kept. */
  readonly #pins = new Map<string, string>()
  #client: Sender | null = null
  #isClosed = false
  #writing: Promise<void> = Promise.resolve()

  private constructor(shelf: Shelf, kept: OrdersOf, changed: () => void, surroundings: Surroundings) {
    this.#shelf = shelf
    this.#user = kept.user
    this.#changed = changed
    this.#surroundings = surroundings
    for (const order of kept.orders) this.#orders.set(order.key, order)
  }

  /** What is kept of another user is not taken up: this user's key would sign it, and this user's money pay for it. */
  static async open(shelf: Shelf, user: string, changed: () => void, surroundings: Surroundings): Promise<OrderBook> {
    const kept = await shelf.get()
    const own = kept !== null && kept.user === user ? kept : { user, orders: [] }
    return new OrderBook(shelf, own, changed, surroundings)
  }

  get orders(): ReadonlyMap<string, Order> {
    return this.#orders
  }

  /** A session is there: what is open goes out. */
  attach(client: Sender): void {
    if (this.#isClosed) return
    this.#client = client
    for (const order of this.#orders.values()) if (isOpen(order)) void this.#run(order.key)
  }

  /** No session: new orders wait, and have not left. */
  detach(): void {
    this.#client = null
  }

  /** Sends and writes nothing from now on; resolves when the last write is there. What was sent stays kept as sent. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.detach()
    await this.#writing.catch(() => {})
  }

  /** Takes an order; one whose key is known already is that order, however often the button was pressed (W2). */
  async place(order: Omit<Order, 'state' | 'at'>, pin?: string): Promise<void> {
    if (this.#orders.has(order.key)) return
    if (pin !== undefined) this.#pins.set(order.key, pin)
    await this.#set({ ...order, at: this.#surroundings.now(), state: { at: 'waiting' } })
    if (this.#client !== null) void this.#run(order.key)
  }

  /** The PIN that an order was refused for; it goes out again, the same order under its key. */
  async enterPin(key: string, pin: string): Promise<void> {
    if (this.#orders.get(key)?.state.at !== 'pin') return
    this.#pins.set(key, pin)
    await this.#run(key)
  }

  /** Gives up an order that waits for its PIN, where no earlier sending can still act; false where one can. */
  async giveUp(key: string): Promise<boolean> {
    const order = this.#orders.get(key)
    if (order?.state.at !== 'pin' || this.#running.has(key)) return false
    if (this.#surroundings.now() < order.state.until) return false
    await this.#set({ ...order, state: { at: 'refused', code: order.state.code, param: null } })
    return true
  }

  /** Takes back what has never left (W3); false where it has. */
  async takeBack(key: string): Promise<boolean> {
    const order = this.#orders.get(key)
    if (order?.state.at !== 'waiting' || this.#running.has(key)) return false
    this.#orders.delete(key)
    await this.#save()
    return true
  }

  async #run(key: string): Promise<void> {
    if (this.#running.has(key)) return
    this.#running.add(key)
    try {
      const before = this.#orders.get(key)
      const client = this.#client
      const pin = this.#pins.get(key)
      if (before === undefined || client === null || !isOpen(before)) return
      if (before.state.at === 'pin' && pin === undefined) return
      const out = sending(before, this.#surroundings.now())
      await this.#set(out) // W1
      if (!isOpen(out) || this.#isClosed) return
      const result = await attempt(client, out, pin)
      if (this.#isClosed) return
      const after = tried(before, result, this.#surroundings.now())
      // A PIN is for the answer it gets; after silence it goes out once more.
      if (after.state.at !== 'waiting' && after.state.at !== 'sent') this.#pins.delete(key)
      await this.#set(after)
      if (after.state.at === 'waiting' || after.state.at === 'sent')
        this.#surroundings.after(AGAIN_MS, () => void this.#run(key))
    } finally {
      this.#running.delete(key)
    }
  }

  #set(order: Order): Promise<void> {
    this.#orders.set(order.key, order)
    const ended = [...this.#orders.values()].filter((one) => !isOpen(one))
    for (const { key } of ended.slice(0, -KEPT_ENDED)) this.#orders.delete(key)
    return this.#save()
  }

  /** Writes follow each other, each with the state of its time or a later one. */
  #save(): Promise<void> {
    if (this.#isClosed) return Promise.reject(new Error('the book is closed'))
    this.#changed()
    const put = () => this.#shelf.put({ user: this.#user, orders: [...this.#orders.values()] })
    this.#writing = this.#writing.catch(() => {}).then(put)
    return this.#writing
  }
}

async function attempt(client: Sender, order: Order, pin: string | undefined): Promise<Tried> {
  try {
    const { id } = await send(client, order, pin === undefined ? {} : { pin })
    return { answer: 'payment', payment: id }
  } catch (error) {
    if (!(error instanceof MooringError)) throw error
    const { outcome, code, param } = error
    return { answer: 'error', outcome, code, param }
  }
}

function send(client: Sender, { ask, key, quote }: Order, pin: { pin?: string }): Promise<PaymentView> {
  switch (ask.what) {
    case 'pay': {
      const { payment, claim, source } = ask
      const claimed = claim === undefined ? {} : { claim }
      return client.pay({ payment, ...claimed, source, quote, key, ...pin })
    }
    case 'consent': {
      const { payment, source } = ask
      return client.confirmOnPhone({ payment, source, quote, key, ...pin })
    }
    case 'transfer': {
      const { to, amount, currency, note } = ask
      return client.transfer({ to, amount, currency, quote, key, ...pin, ...(note === undefined ? {} : { note }) })
    }
    case 'topup':
    case 'withdraw': {
      const { source, amount, currency } = ask
      return client[ask.what]({ source, amount, currency, quote, key, ...pin })
    }
  }
}
