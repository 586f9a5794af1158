import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { MooringError, type Outcome } from '../../../clients/mobile/index.ts'
import { OrderBook, type OrdersOf, type Sender } from '../../../clients/wallet-web/model/order-book.ts'
import {
  isOpen,
  KEY_KEPT_MS,
  SIGNATURE_MAX_MS,
  WAIT_MAX_MS,
  type Order,
} from '../../../clients/wallet-web/model/order.ts'
import type { PaymentView } from '../../../src/contract/index.ts'
import { payment } from '../mobile/harness.ts'

const ORDER = {
  key: 'order-key-0000000001',
  ask: { what: 'transfer', to: 'usr_0000000000000001', payee: '+2547··01', amount: '500', currency: 'KES' },
  quote: { payer_fee: '0', total: '500' },
} as const

type Answer = PaymentView | MooringError
type Sent = { key: string | undefined; pin: string | undefined; kept: string | undefined }

/** A page with its book: a disk, a clock and a server that answers what the test says. */
class Stage {
  now = 1_000_000
  user = 'usr_0000000000000007'
  kept: OrdersOf | null = null
  sent: Sent[] = []
  /** Everything that was ever on the disk. */
  written = ''
  /** What the disk waits for before it has written. */
  busy: Promise<void> | null = null
  answers: (Answer | Promise<Answer>)[] = []
  #later: (() => void)[] = []
  book!: OrderBook

  static async open(): Promise<Stage> {
    const stage = new Stage()
    await stage.reload()
    return stage
  }

  /** The page is gone and comes again; only the disk is left. */
  async reload(): Promise<void> {
    this.#later = []
    const kept = structuredClone(this.kept)
    const shelf = {
      get: async () => kept,
      put: async (orders: OrdersOf) => {
        const copy = structuredClone(orders)
        if (this.busy !== null) await this.busy
        this.kept = copy
        this.written += JSON.stringify(copy)
      },
    }
    this.book = await OrderBook.open(shelf, this.user, () => {}, {
      now: () => this.now,
      after: (_ms, callback) => void this.#later.push(callback),
    })
  }

  get disk(): Order[] {
    return this.kept?.orders ?? []
  }

  readonly sender: Sender = {
    pay: (order) => this.#send(order),
    confirmOnPhone: (order) => this.#send(order),
    transfer: (order) => this.#send(order),
    topup: (order) => this.#send(order),
    withdraw: (order) => this.#send(order),
  }

  /** What was put off until later happens. */
  tick(): void {
    for (const callback of this.#later.splice(0)) callback()
  }

  ticked() {
    this.tick()
    return this.state
  }

  get state() {
    return this.book.orders.get(ORDER.key)?.state
  }

  async #send({ key, pin }: { key?: string; pin?: string }): Promise<PaymentView> {
    this.sent.push({ key, pin, kept: this.disk.find((order) => order.key === key)?.state.at })
    const answer = await (this.answers.shift() ?? new Promise<never>(() => {}))
    if (answer instanceof MooringError) throw answer
    return answer
  }
}

const refusal = (code: MooringError['code'], outcome: Outcome = 'refused') =>
  new MooringError(code, 'said by the test', { outcome, key: ORDER.key })
const ACCEPTED = payment(2)
const PAYMENT = payment(1)

describe('an order', () => {
  it('is on the disk as sent before its first byte goes out (W1)', async () => {
    const stage = await Stage.open()
    stage.book.attach(stage.sender)
    await stage.book.place(ORDER)
    await expect.poll(() => stage.sent).toEqual([{ key: ORDER.key, pin: undefined, kept: 'sent' }])
  })

  it('placed twice is one order (W2)', async () => {
    const stage = await Stage.open()
    stage.book.attach(stage.sender)
    await Promise.all([stage.book.place(ORDER), stage.book.place(ORDER)])
    await expect.poll(() => stage.sent).toHaveLength(1)
    expect(stage.disk).toHaveLength(1)
  })

  it('placed again after its end stays ended (W2)', async () => {
    const stage = await Stage.open()
    stage.answers = [ACCEPTED]
    stage.book.attach(stage.sender)
    await stage.book.place(ORDER)
    await expect.poll(() => stage.state?.at).toBe('accepted')
    await stage.book.place(ORDER)
    expect(stage.state).toEqual({ at: 'accepted', payment: ACCEPTED.id })
    expect(stage.sent).toHaveLength(1)
  })

  it('waits where there is no session, can be taken back, and then never goes out (W3)', async () => {
    const stage = await Stage.open()
    await stage.book.place(ORDER)
    expect(stage.state).toEqual({ at: 'waiting' })
    expect(await stage.book.takeBack(ORDER.key)).toBe(true)
    stage.book.attach(stage.sender)
    expect(stage.sent).toEqual([])
    expect(stage.disk).toEqual([])
  })

  it('cannot be taken back once it has left', async () => {
    const stage = await Stage.open()
    stage.book.attach(stage.sender)
    await stage.book.place(ORDER)
    await expect.poll(() => stage.sent).toHaveLength(1)
    expect(await stage.book.takeBack(ORDER.key)).toBe(false)
    expect(stage.state?.at).toBe('sent')
  })

  it('goes out by itself when a session comes, unless that took too long', async () => {
    const stage = await Stage.open()
    await stage.book.place(ORDER)
    stage.now += WAIT_MAX_MS + 1
    stage.book.attach(stage.sender)
    await expect.poll(() => stage.state).toEqual({ at: 'refused', code: 'too_late', param: null })
    expect(stage.sent).toEqual([])
  })

  it('that makes its payment is not sent again when the server may have forgotten its key (W4)', async () => {
    const stage = await Stage.open()
    stage.book.attach(stage.sender)
    await stage.book.place(ORDER)
    await expect.poll(() => stage.sent).toHaveLength(1)
    await stage.reload()
    stage.now += KEY_KEPT_MS + 1
    stage.book.attach(stage.sender)
    await expect.poll(() => stage.state).toEqual({ at: 'refused', code: 'unanswered', param: null })
    expect(stage.sent).toHaveLength(1)
  })

  it('of a payment that was there before is asked about however late: it is paid once (W4)', async () => {
    const stage = await Stage.open()
    stage.book.attach(stage.sender)
    await stage.book.place({
      ...ORDER,
      ask: { what: 'pay', payment: PAYMENT, payee: 'Shop', source: 'wallet', label: 'Wallet' },
    })
    await expect.poll(() => stage.sent).toHaveLength(1)
    await stage.reload()
    stage.now += KEY_KEPT_MS + 1
    stage.answers = [refusal('payment_not_confirmable')]
    stage.book.attach(stage.sender)
    await expect.poll(() => stage.state).toMatchObject({ at: 'refused', code: 'payment_not_confirmable' })
  })

  it('whose page was closed goes on under its key when the page is back', async () => {
    const stage = await Stage.open()
    stage.book.attach(stage.sender)
    await stage.book.place(ORDER)
    await expect.poll(() => stage.sent).toHaveLength(1)
    await stage.reload()
    stage.now += WAIT_MAX_MS + 1
    stage.answers = [ACCEPTED]
    stage.book.attach(stage.sender)
    await expect.poll(() => stage.state).toEqual({ at: 'accepted', payment: ACCEPTED.id })
    expect(stage.sent.map(({ key }) => key)).toEqual([ORDER.key, ORDER.key])
  })

  it('whose outcome is unknown is asked again under its key, until the server says', async () => {
    const stage = await Stage.open()
    stage.answers = [refusal('deadline_exceeded', 'unknown'), refusal('deadline_exceeded', 'unknown'), ACCEPTED]
    stage.book.attach(stage.sender)
    await stage.book.place(ORDER)
    await expect.poll(() => stage.ticked()?.at).toBe('accepted')
    expect(stage.sent).toHaveLength(3)
    expect(new Set(stage.sent.map(({ key }) => key))).toEqual(new Set([ORDER.key]))
    expect(stage.state).toEqual({ at: 'accepted', payment: ACCEPTED.id })
  })

  it('is not taken for refused by an answer that says nothing of an earlier sending (W4)', async () => {
    const stage = await Stage.open()
    stage.book.attach(stage.sender)
    await stage.book.place(ORDER)
    await expect.poll(() => stage.sent).toHaveLength(1)
    await stage.reload()
    // The first sending is still on its way somewhere; `device_restricted` is about the second one alone.
    stage.answers = [refusal('device_restricted')]
    stage.book.attach(stage.sender)
    await expect.poll(() => stage.sent).toHaveLength(2)
    await expect.poll(() => stage.answers).toEqual([])
    expect(stage.state?.at).toBe('sent')
    // Its signature has ended: now the same answer covers it.
    stage.now += SIGNATURE_MAX_MS + 1
    stage.answers = [refusal('device_restricted')]
    await expect.poll(() => stage.ticked()).toMatchObject({ at: 'refused', code: 'device_restricted' })
  })

  it.each(['rate_limited', 'overloaded', 'in_flight', 'temporarily_unavailable', 'unauthenticated'] as const)(
    'is not taken for refused by %s, before which nobody looks under its key, however late (W4)',
    async (code) => {
      const stage = await Stage.open()
      stage.book.attach(stage.sender)
      await stage.book.place(ORDER)
      await expect.poll(() => stage.sent).toHaveLength(1)
      await stage.reload()
      stage.now += SIGNATURE_MAX_MS + 1
      stage.answers = [refusal(code), ACCEPTED]
      stage.book.attach(stage.sender)
      await expect.poll(() => stage.answers).toEqual([ACCEPTED])
      expect(stage.state?.at).toBe('sent')
      await expect.poll(() => stage.ticked()).toEqual({ at: 'accepted', payment: ACCEPTED.id })
    },
  )

  it('that never left before is refused by an answer to its only sending', async () => {
    const stage = await Stage.open()
    stage.answers = [refusal('rate_limited')]
    stage.book.attach(stage.sender)
    await stage.book.place(ORDER)
    await expect.poll(() => stage.state).toEqual({ at: 'refused', code: 'rate_limited', param: null })
  })

  it('is refused at once by an answer that is kept under its key', async () => {
    const stage = await Stage.open()
    stage.book.attach(stage.sender)
    await stage.book.place(ORDER)
    await expect.poll(() => stage.sent).toHaveLength(1)
    await stage.reload()
    stage.answers = [refusal('insufficient_funds')]
    stage.book.attach(stage.sender)
    await expect.poll(() => stage.state).toEqual({ at: 'refused', code: 'insufficient_funds', param: null })
  })

  it('that lacks its PIN asks for it, and goes out again under its key with it', async () => {
    const stage = await Stage.open()
    stage.answers = [refusal('pin_wrong'), ACCEPTED]
    stage.book.attach(stage.sender)
    await stage.book.place(ORDER, '1111')
    await expect.poll(() => stage.state).toEqual({ at: 'pin', code: 'pin_wrong', until: 0 })
    stage.tick()
    expect(stage.sent).toHaveLength(1)
    await stage.book.enterPin(ORDER.key, '2580')
    expect(stage.state).toEqual({ at: 'accepted', payment: ACCEPTED.id })
    expect(stage.sent.map(({ key, pin }) => [key, pin])).toEqual([
      [ORDER.key, '1111'],
      [ORDER.key, '2580'],
    ])
    expect(stage.written).toContain(ORDER.key)
    expect(stage.written).not.toMatch(/1111|2580/)
  })

  it('can be given up at its PIN, unless an earlier sending may still act', async () => {
    const stage = await Stage.open()
    stage.answers = [refusal('pin_required')]
    stage.book.attach(stage.sender)
    await stage.book.place(ORDER)
    await expect.poll(() => stage.state?.at).toBe('pin')
    expect(await stage.book.giveUp(ORDER.key)).toBe(true)
    expect(stage.state).toMatchObject({ at: 'refused', code: 'pin_required' })

    const other = await Stage.open()
    other.book.attach(other.sender)
    await other.book.place(ORDER)
    await expect.poll(() => other.sent).toHaveLength(1)
    await other.reload()
    other.answers = [refusal('pin_required')]
    other.book.attach(other.sender)
    await expect.poll(() => other.state?.at).toBe('pin')
    expect(await other.book.giveUp(ORDER.key)).toBe(false)
    other.now += SIGNATURE_MAX_MS + 1
    expect(await other.book.giveUp(ORDER.key)).toBe(true)
  })

  it('stays kept for as long as it is open, however many have ended since', async () => {
    const stage = await Stage.open()
    stage.book.attach(stage.sender)
    await stage.book.place(ORDER)
    stage.answers = [new Promise<never>(() => {}), ...Array.from({ length: 80 }, () => ACCEPTED)]
    await expect.poll(() => stage.sent).toHaveLength(1)
    for (let i = 0; i < 80; i++) await stage.book.place({ ...ORDER, key: `another-order-key-${i}` })
    await expect.poll(() => stage.disk.filter((order) => !isOpen(order)).length).toBe(50)
    expect(stage.disk.filter((order) => isOpen(order)).map(({ key }) => key)).toEqual([ORDER.key])
  })
})

describe('a book that is closed', () => {
  it('writes nothing more, whatever comes of what it has sent', async () => {
    const stage = await Stage.open()
    const answer = Promise.withResolvers<Answer>()
    stage.answers = [answer.promise]
    stage.book.attach(stage.sender)
    await stage.book.place(ORDER)
    await expect.poll(() => stage.sent).toHaveLength(1)
    await stage.book.close()
    stage.kept = null // the wallet is removed
    answer.resolve(refusal('closed', 'unknown'))
    await setImmediate()
    expect(stage.kept).toBeNull()
    await expect(stage.book.place({ ...ORDER, key: 'order-key-0000000002' })).rejects.toThrow('closed')
    stage.book.attach(stage.sender)
    stage.tick()
    await setImmediate()
    expect(stage.kept).toBeNull()
    expect(stage.sent).toHaveLength(1)
  })

  it('is closed once the last write is there, and does not send what was being written', async () => {
    const stage = await Stage.open()
    await stage.book.place(ORDER)
    const disk = Promise.withResolvers<void>()
    stage.busy = disk.promise
    stage.book.attach(stage.sender)
    const closed = stage.book.close().then(() => stage.disk[0]?.state.at)
    disk.resolve()
    expect(await closed).toBe('sent')
    await setImmediate()
    expect(stage.sent).toEqual([])
  })
})

describe('the orders of one user', () => {
  it('are never sent by the key of another', async () => {
    const stage = await Stage.open()
    stage.book.attach(stage.sender)
    await stage.book.place(ORDER)
    await expect.poll(() => stage.sent).toHaveLength(1)
    stage.user = 'usr_0000000000000008'
    await stage.reload()
    expect(stage.book.orders.size).toBe(0)
    stage.book.attach(stage.sender)
    await stage.book.place({ ...ORDER, key: 'order-key-0000000002' })
    await expect.poll(() => stage.sent.map(({ key }) => key)).toEqual([ORDER.key, 'order-key-0000000002'])
    expect(stage.disk.map(({ key }) => key)).toEqual(['order-key-0000000002'])
  })
})
