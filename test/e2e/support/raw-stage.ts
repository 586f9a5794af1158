import { expect } from 'vitest'
import { z } from 'zod'
import type { DevJson } from '../../../tools/dev-json.ts'
import { startStack } from '../../support/stack.ts'
import { random, type Json } from './raw-key.ts'
import { paymentOf, RawPhone, type Order, type Payment } from './raw-phone.ts'
import { bookOf, granted, http, text } from './raw-rest.ts'
import type { Reply } from './raw-socket.ts'

/** A merchant's payment with its code, as the phones of these tests meet it. */
export type Bill = { id: string; payload: string; amount: string; payee: string; order_ref?: string }

const Listed = z.array(z.looseObject({ id: z.string(), version: z.number(), status: z.string() }))

/** The stack all of these tests share, and who is on it. */
export class Stage {
  readonly dev: DevJson
  /** Money to give away. */
  readonly treasury: RawPhone
  readonly anna: RawPhone
  readonly ben: RawPhone
  /** Ben's second phone, which may only look. */
  readonly restricted: RawPhone
  /** A bill that can be paid for a minute only, made first of all. */
  readonly shortBill: Bill & { expires_at: string }

  constructor(parts: Pick<Stage, 'dev' | 'treasury' | 'anna' | 'ben' | 'restricted' | 'shortBill'>) {
    this.dev = parts.dev
    this.treasury = parts.treasury
    this.anna = parts.anna
    this.ben = parts.ben
    this.restricted = parts.restricted
    this.shortBill = parts.shortBill
  }

  get merchant(): DevJson['merchants'][number] {
    return merchantOf(this.dev, 0)
  }

  get otherMerchant(): DevJson['merchants'][number] {
    return merchantOf(this.dev, 1)
  }

  bill(order: Json = {}): Promise<Bill & { expires_at: string }> {
    return makeBill(this.dev, order)
  }

  /** The order a bill stands for, from a wallet unless said otherwise. */
  orderOf(bill: Bill, source = 'wallet'): Order {
    const { id, payee, amount, order_ref } = bill
    const order = { kind: 'purchase' as const, subject: { payment: id }, payee, amount, source }
    return order_ref === undefined ? order : { ...order, order_ref }
  }

  /** The whole body of a right payment.confirm by this phone, which scanned the code. */
  async confirmBody(phone: RawPhone, bill: Bill, source = 'wallet', more: Json = {}): Promise<Json> {
    const claim = await this.claim(phone, bill)
    const confirmation = await phone.confirmation(this.orderOf(bill, source), more)
    return { payment: bill.id, claim, source, confirmation }
  }

  async claim(phone: RawPhone, bill: Bill): Promise<string> {
    return text(await phone.must('payment.resolve_qr', { payload: bill.payload }), 'claim')
  }

  /** Pays a bill from the wallet, to its end. */
  async pay(phone: RawPhone, bill: Bill): Promise<Payment> {
    const reply = await phone.ask('payment.confirm', await this.confirmBody(phone, bill), random(18))
    return phone.settled(paymentOf(reply).id)
  }

  /** A new phone, with so much in its wallet. */
  async phone(amount?: string): Promise<RawPhone> {
    const phone = await RawPhone.make(this.dev)
    if (amount !== undefined) await this.treasury.transfer(phone.user, amount)
    return phone
  }

  async stateOfBill({ id }: Bill): Promise<Json> {
    const headers = { authorization: `Bearer ${this.merchant.secret_key}` }
    return granted(await http(`${this.dev.bridge}/payments/${id}`, { headers }))
  }

  /**
   * Runs `work` and holds that it changed nothing: the phones' balances, payments
   * and accounts, these bills as their merchant sees them, the bank's own book.
   */
  async unchanged<T>(phones: RawPhone[], bills: Bill[], work: () => Promise<T>): Promise<T> {
    const look = async () => ({
      phones: await Promise.all(phones.map((phone) => this.#look(phone))),
      bills: await Promise.all(bills.map((bill) => this.stateOfBill(bill))),
    })
    const before = await look()
    const result = await work()
    expect(await look()).toEqual(before)
    return result
  }

  async #look(phone: RawPhone) {
    const [wallet, payments, sources, book] = await Promise.all([
      phone.must('wallet.balances', {}),
      phone.must('payment.list', { limit: 100 }),
      phone.must('source.list', {}),
      bookOf(this.dev, phone.account),
    ])
    const states = Listed.parse(payments['data']).map(({ id, version, status }) => `${id} ${version} ${status}`)
    return { wallet, states, sources, book }
  }
}

export async function balance(phone: RawPhone): Promise<{ available: string; pending: string }> {
  const { data } = await phone.must('wallet.balances', {})
  const [line] = z.array(z.object({ currency: z.string(), available: z.string(), pending: z.string() })).parse(data)
  if (line === undefined) throw new Error('a wallet without a line')
  return { available: line.available, pending: line.pending }
}

/** For fields whose value is the server's to choose. */
export const aNumber: unknown = expect.any(Number)
export const aText: unknown = expect.any(String)

/** Replies counted by what they said: `{granted: 1, confirmation_replayed: 19}`. */
export function tally(replies: readonly Reply[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { error } of replies) counts[error?.code ?? 'granted'] = (counts[error?.code ?? 'granted'] ?? 0) + 1
  return counts
}

function merchantOf(dev: DevJson, no: number): DevJson['merchants'][number] {
  const merchant = dev.merchants[no]
  if (merchant === undefined) throw new Error(`dev.json names no merchant ${no}`)
  return merchant
}

async function makeBill(dev: DevJson, order: Json): Promise<Bill & { expires_at: string }> {
  const { id: payee, secret_key } = merchantOf(dev, 0)
  const made = granted(
    await http(`${dev.bridge}/payments`, {
      headers: { authorization: `Bearer ${secret_key}`, 'idempotency-key': random(18) },
      body: { amount: '700', currency: dev.currency, ...order },
    }),
  )
  const { payload } = z.object({ payload: z.string() }).parse(made['qr'])
  const bill = {
    id: text(made, 'id'),
    payload,
    amount: text(made, 'amount'),
    payee,
    expires_at: text(made, 'expires_at'),
  }
  return made['order_ref'] === null ? bill : { ...bill, order_ref: text(made, 'order_ref') }
}

/** Starts the stack and funds the treasury. */
/** @param args options of npm start */
export async function openStage(args: string[] = []): Promise<{ stage: Stage; close: () => Promise<void> }> {
  const stack = await startStack({ args })
  const dev = stack.dev()
  const shortBill = await makeBill(dev, { expires_in: 60 })
  const [treasury, anna, ben] = await Promise.all([RawPhone.make(dev), RawPhone.make(dev), RawPhone.make(dev)])
  const [restricted] = await Promise.all([RawPhone.make(dev, ben.number), treasury.link(), anna.link()])
  for (let i = 0; i < 2; i++) await treasury.topUp(dev.pin_above)
  await treasury.transfer(anna.user, '100000')
  return {
    stage: new Stage({ dev, treasury, anna, ben, restricted, shortBill }),
    close: async () => {
      await Promise.all([treasury, anna, ben, restricted].map((phone) => phone.socket.close()))
      await stack.stop()
    },
  }
}
