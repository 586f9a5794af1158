import { randomUUID } from 'node:crypto'
import { type Unit, derivedUuid } from '../../../src/ledger/index.ts'
import type { Fresh } from './sequences.ts'

/** What a drawn unit has around its transfers: its key, its guard, and what its branches write. */

const PAST = '2020-01-01T00:00:00.000Z'
const AHEAD = '2100-01-01T00:00:00.000Z'

/** Where payments are: the ledger of their money, and the feed that names them and is told of all. */
type Place = { ledger: number; feed: string }

/** The payments of a world, and one more that nobody makes. */
export function paymentsOf(feed: string): string[] {
  return ['free', 'early', 'late', 'nobody'].map((name) => `pay_${name}_${feed}`)
}

const tokenOf = (payment: string): string => derivedUuid(payment)

export function toldTo(feed: string): NonNullable<Unit['ok']['events']>[number] {
  return { id: `evt_${randomUUID()}`, feed, name: 'source.updated', body: {} }
}

/** Units that make the payments and an attempt of each. */
export function births(world: Place): Unit[] {
  return paymentsOf(world.feed)
    .slice(0, 3)
    .map((id, n) => ({ id: randomUUID(), ok: { ...born(world, id, n), events: [toldTo(world.feed)] } }))
}

function born({ ledger }: Place, id: string, n: number): Pick<Unit['ok'], 'new_payment' | 'new_attempt'> {
  const expiry = [{}, { expires_at: AHEAD }, { expires_at: PAST }][n]
  return {
    new_payment: {
      id,
      ledger,
      kind: 'purchase',
      status: 'processing',
      version: 1,
      amount: '100',
      currency: 'KES',
      fee: '0',
      payer_fee: '0',
      captured_amount: '0',
      refund_reserved: '0',
      refunded_amount: '0',
      payee: 'mer_model',
      payee_name: 'M',
      capture_method: 'automatic',
      metadata: {},
      created_at: PAST,
      updated_at: PAST,
      ...expiry,
    },
    new_attempt: {
      payment: id,
      no: 1,
      ledger,
      rail: 'bank',
      operation: 'collect',
      reference: randomUUID(),
      uetr: randomUUID(),
      amount: '100',
      currency: 'KES',
      account: 'KE00',
      account_holder: 'A',
      description: 'x',
      step: 'submit',
      state: 'prepared',
      sends: 0,
      inquiries: 0,
      dispatch_token: tokenOf(id),
      updated_at: PAST,
    },
  }
}

export function aroundOf(drawn: Fresh, world: Place): Pick<Unit, 'key' | 'guard' | 'ok' | 'refused'> {
  const payments = paymentsOf(world.feed)
  const named = (n: number): string => payments[n] ?? ''
  const { key, payment, attempt } = drawn
  const reply = (text: string) => ({ ok: true as const, body: JSON.stringify(text) })
  const guard: NonNullable<Unit['guard']> = {}
  if (payment !== null) {
    const { version, unexpired } = payment
    guard.payment = { id: named(payment.payment), version, ...(unexpired ? { unexpired } : {}) }
  }
  if (attempt !== null) {
    const id = named(attempt.payment)
    const token = { none: {}, right: { token: tokenOf(id) }, wrong: { token: randomUUID() } }[attempt.token]
    guard.attempt = { payment: id, no: 1, states: attempt.states, ...token }
  }
  const moved = payment === null ? {} : { payment: { version: 3 - payment.version } }
  const again = drawn.reborn ? born(world, named(0), 0) : {}
  return {
    ...(key === null ? {} : { key: { scope: world.feed, key: String(key.key), hash: key.other ? 'other' : 'same' } }),
    ...(payment === null && attempt === null ? {} : { guard }),
    ok: {
      ...moved,
      ...(attempt === null ? {} : { attempt: { state: attempt.next } }),
      ...again,
      ...(key === null ? {} : { reply: reply('done') }),
      events: [toldTo(world.feed)],
    },
    ...(drawn.tells
      ? {
          refused: {
            ...(payment?.movesWhenRefused === true ? moved : {}),
            ...(key === null ? {} : { reply: reply('no'), replies: { exceeds_credits: reply('too little') } }),
            events: [toldTo(world.feed), toldTo(world.feed)],
          },
        }
      : {}),
  }
}
