import { setTimeout as delay } from 'node:timers/promises'
import type { PaymentIds } from '../../../src/payments/index.ts'
import type { AccountBook, Ledger, LimitBook, Unit, UnitResult } from '../../../src/ledger/index.ts'
import type { PaymentState } from '../../../src/payments/rows.ts'
import type { Spend } from '../support/books.ts'
import { type Kind, type Move, birth, nextMove } from './payments.ts'
import { type Tally, makeTally } from './tally.ts'

/**
 * Everybody at once: workers that send units of every kind to several ledgers, over few accounts, holds, payments,
 * keys, jtis and feeds, and that keep what was acknowledged.
 */
export type Place = {
  ledgers: readonly Ledger[]
  accounts: AccountBook
  limits: LimitBook
  ids: PaymentIds
  ledger: number
  /** Where money comes from: unflagged. */
  cash: string
  users: readonly string[]
  wallets: readonly string[]
  merchants: readonly string[]
  random: () => number
}

export type Turmoil = {
  tally: Tally
  /** How often each kind of unit was answered with each code. */
  codes: Map<string, number>
  /** By key, jti, order, linked account: how often it was granted. */
  granted: Map<string, number>
  /** Events acknowledged, by feed. */
  events: Map<string, number>
  /** Two answers to the same unit that were not the same. */
  differing: string[]
  payments: PaymentState[]
}

const PAST = '2020-01-01T00:00:00.000Z'
/** Names that everybody wants. */
const WANTED = 400

export async function turmoil(place: Place, options: { workers: number; forMs: number }): Promise<Turmoil> {
  const { ids, random, ledger } = place
  const tally = makeTally()
  const seen: Turmoil = { tally, codes: new Map(), granted: new Map(), events: new Map(), differing: [], payments: [] }
  const holds: string[] = []

  const below = (n: number): number => Math.floor(random() * n)
  const pick = <T>(list: readonly T[]): T => {
    const one = list[below(list.length)]
    if (one === undefined) throw new Error('nothing to pick from')
    return one
  }
  const count = (map: Map<string, number>, name: string, by = 1): void => void map.set(name, (map.get(name) ?? 0) + by)

  /** Sends it where it falls; now and then to two at the same moment, as a retry after a lost answer would. */
  async function send(what: string, unit: Unit): Promise<UnitResult> {
    const twice = random() < 0.05
    const [result, again] = await Promise.all([
      pick(place.ledgers).apply(unit),
      twice ? pick(place.ledgers).apply(unit) : null,
    ])
    count(seen.codes, `${what} ${result.code}`)
    tally.acknowledge(unit, result)
    if (again !== null) {
      tally.acknowledge(unit, again)
      // What stores nothing may be answered differently a moment later.
      const both = [result, again].every(({ code }) => code === 'ok' || code === 'refused')
      if (both && JSON.stringify(result) !== JSON.stringify(again)) seen.differing.push(unit.id)
    }
    const done = [result, again].find((one) => one?.code === 'ok' || one?.code === 'refused') ?? result
    const branch = done.code === 'ok' ? unit.ok : done.code === 'refused' ? unit.refused : undefined
    for (const event of branch?.events ?? []) count(seen.events, event.feed)
    return done
  }

  function leg(kind: 'post' | 'reserve', debit: string, credit: string): Spend {
    const amount = String(1 + below(120))
    const expiry = kind === 'reserve' && random() < 0.2 ? { expires_at: PAST } : {}
    return { id: ids.uuid(), ledger, kind, debit, credit, amount, subject: 'fuzz', ...expiry }
  }

  const between = (): [string, string] => {
    const from = pick(place.wallets)
    const to = random() < 0.5 ? pick(place.merchants) : pick(place.wallets.filter((one) => one !== from))
    return random() < 0.35 ? [to, from] : [from, to]
  }

  /** Events of several feeds in any order, and the balance of an account the unit may not touch. */
  function events(): NonNullable<Unit['ok']['events']> {
    return Array.from({ length: below(4) }, () => {
      const n = below(place.users.length)
      const feed = place.users[n] ?? ''
      const body =
        random() < 0.5
          ? { name: 'source.updated' as const, body: { n } }
          : { name: 'balance.updated' as const, balance: { ledger, account: place.wallets[n] ?? '', currency: 'KES' } }
      return { id: ids.make('evt'), feed, ...body }
    })
  }

  function keep(unit: Unit, result: UnitResult): void {
    if (result.code !== 'ok') return
    for (const transfer of unit.transfers ?? [])
      if (transfer.kind === 'reserve' && tally.transfers.has(transfer.id)) holds.push(transfer.id)
    if (holds.length > 60) holds.splice(0, 20)
  }

  async function fund(): Promise<void> {
    const transfers = place.wallets.map((wallet) => ({ ...leg('post', place.cash, wallet), amount: '400' }))
    await send('fund', { id: ids.uuid(), transfers, ok: {} })
  }

  async function spend(): Promise<void> {
    const transfers = Array.from({ length: 1 + below(3) }, () => leg(random() < 0.5 ? 'post' : 'reserve', ...between()))
    const unit: Unit = { id: ids.uuid(), transfers, ok: { events: events() }, refused: { events: events() } }
    keep(unit, await send('spend', unit))
  }

  async function gather(): Promise<void> {
    const to = pick(place.merchants)
    const kind = random() < 0.5 ? 'post' : 'reserve'
    const legs = place.wallets.map((from) => ({ from, order: random() })).toSorted((a, b) => a.order - b.order)
    const transfers = legs.slice(0, 3).map(({ from }) => ({ ...leg(kind, from, to), up_to: true as const }))
    const unit = { id: ids.uuid(), transfers, total: String(1 + below(200)), ok: {} }
    // The same transfers in a unit of another id: whoever is second finds them there.
    const [result] = await Promise.all([
      send('gather', unit),
      random() < 0.2 ? send('again', { ...unit, id: ids.uuid() }) : null,
    ])
    keep(unit, result)
  }

  async function end(): Promise<void> {
    if (holds.length === 0) return
    const kind = pick(['confirm', 'confirm', 'void', 'expire'] as const)
    const part = kind === 'confirm' && random() < 0.4 ? { amount: String(1 + below(40)) } : {}
    const transfers = Array.from({ length: 1 + below(2) }, () => ({
      id: ids.uuid(),
      ledger,
      kind,
      pending: pick(holds),
      subject: 'fuzz',
      ...part,
    }))
    await send(kind, { id: ids.uuid(), transfers, ok: { events: events() } })
  }

  async function limited(): Promise<void> {
    const limit = { owner: pick(place.users), period: `day:${String(below(2))}`, amountMinor: 3_000n }
    const use = await place.limits.use([limit], { amountMinor: BigInt(1 + below(300)), subject: 'fuzz' })
    const transfers = [leg('post', ...between()), ...use]
    await send('limited', { id: ids.uuid(), transfers, ok: {} })
  }

  async function flagged(): Promise<void> {
    if (random() < 0.7) return fund()
    const account = pick(place.wallets)
    const set = pick(['freeze', 'close'] as const)
    const back = set === 'freeze' ? ('unfreeze' as const) : ('reopen' as const)
    await send(set, { id: ids.uuid(), transfers: [leg('post', ...between())], flags: [{ account, set }], ok: {} })
    await send(back, { id: ids.uuid(), flags: [{ account, set: back }], ok: {} })
  }

  /** Things of which there is one: whoever comes first has it. */
  async function single(): Promise<void> {
    const name = String(below(WANTED))
    const unit: Unit = {
      id: ids.uuid(),
      transfers: random() < 0.5 ? [] : [leg('post', ...between())],
      ok: { events: events() },
    }
    if (random() < 0.5) {
      unit.key = { scope: 'usr_fuzz', key: `key-${name}`, hash: random() < 0.9 ? 'same' : 'other' }
      const reply = { ok: true as const, body: JSON.stringify({ unit: unit.id }) }
      unit.ok = { ...unit.ok, reply }
      unit.refused = { reply }
      const result = await send('key', unit)
      if (result.code === 'ok' || result.code === 'refused') count(seen.granted, `key ${name}`)
    } else {
      unit.jti = { device: 'dev_fuzz', jti: `jti-${name}`, expires_at: new Date(Date.now() + 600_000).toISOString() }
      const result = await send('jti', unit)
      if (result.code === 'ok') count(seen.granted, `jti ${name}`)
    }
  }

  async function source(): Promise<void> {
    const iban = `KE${String(below(WANTED))}`
    const row = {
      id: ids.make('src'),
      user_id: 'usr_fuzz',
      type: 'bank',
      rail: 'fuzz-bank',
      bank: 'fuzz',
      account: iban,
      holder: 'A',
      currency: 'KES',
      label: 'x',
      status: 'active',
      created_at: new Date().toISOString(),
    }
    const result = await send('source', { id: ids.uuid(), ok: { source: row, events: events() } })
    if (result.code === 'ok') count(seen.granted, `source ${iban}`)
  }

  async function born(): Promise<void> {
    const kind = pick<Kind>(['withdrawal', 'topup', 'transfer', 'order'])
    const user = pick(place.users)
    const to = kind === 'order' ? `order-${String(below(20))}` : pick(place.users.filter((one) => one !== user))
    const move = await birth({ ledger, kind, user, to, amount: BigInt(1 + below(150)) }, place)
    const result = await send(kind, move.unit)
    if (result.code === 'ok') seen.payments.push(move.after)
  }

  /** Several see a payment stand in the same place and move it differently: the guard lets one through. */
  async function moved(): Promise<void> {
    const at = below(seen.payments.length)
    const state = seen.payments[at]
    if (state === undefined) return
    const moves = [nextMove(state, ids, random()), nextMove(state, ids, random())].filter(
      (move): move is Move => move !== null,
    )
    const results = await Promise.all(moves.map((move) => send('move', move.unit)))
    const won = moves.filter((_, i) => results[i]?.code === 'ok')
    if (won.length > 1) seen.differing.push(state.payment.id)
    if (won[0] !== undefined) seen.payments[at] = won[0].after
  }

  const acts = [
    spend,
    spend,
    spend,
    gather,
    end,
    end,
    end,
    limited,
    flagged,
    single,
    single,
    source,
    born,
    born,
    moved,
    moved,
    moved,
  ]
  const until = performance.now() + options.forMs
  async function work(): Promise<void> {
    while (performance.now() < until) {
      await pick(acts)()
      if (random() < 0.1) await delay(random() * 5)
    }
  }
  await fund()
  await Promise.all(Array.from({ length: options.workers }, work))
  return seen
}
