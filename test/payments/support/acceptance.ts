import { createSecretKey, randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { Clock } from '../../../src/domain/clock.ts'
import { actionClaims, confirmationClaims } from '../../../src/domain/confirmation.ts'
import type { FeePlan } from '../../../src/domain/fee.ts'
import { refuse } from '../../../src/domain/refusal.ts'
import { err, ok } from '../../../src/domain/result.ts'
import { cashAccount, walletAccount } from '../../../src/domain/accounting/index.ts'
import {
  actionBodyHash,
  createMerchant,
  makeFeePlans,
  publishFeePlan,
  type Principal,
} from '../../../src/identity/index.ts'
import type { UntouchedCaps } from '../../../src/domain/untouched.ts'
import { isRestricted, readDevice } from '../../../src/identity/devices.ts'
import { importDeviceKey } from '../../../src/identity/keys.ts'
import { makeAuthenticateMerchant, makeMerchantIsOpen } from '../../../src/identity/merchants.ts'
import { makePins } from '../../../src/identity/pins.ts'
import { makeTiers } from '../../../src/identity/tiers.ts'
import { audit, ensureLedger, makeAccountBook, makeLimitBook } from '../../../src/ledger/index.ts'
import {
  type ExpressMode,
  makeAdmission,
  makeClaims,
  makeCodes,
  makePaymentIds,
  makePaymentStore,
  makeRailGuard,
  makeSpending,
  checkoutCommands,
  phoneCommands,
  type PaymentDeps,
  type SpendingRules,
} from '../../../src/payments/index.ts'
import { newPaymentColumns } from '../../../src/payments/row-columns.ts'
import type { PaymentRow } from '../../../src/payments/rows.ts'
import { compactJws, type DeviceKey, makeKey, random } from '../../e2e/support/raw-key.ts'
import { paymentRow } from '../../ledger/model/payments.ts'
import { ids, log, openBooks } from '../../ledger/support/books.ts'
import { scriptedRail } from './rail.ts'

/** The hub's commands over books of a test's own: phones that sign, merchants' orders, and any number of hubs. */

export const RAIL = 'test-bank'
export const START_WITHIN_MS = 60_000

export type Phone = { user: string; device: string; key: DeviceKey; source: string }

export type Shop = { id: string; store: string; secretKey: string }

export type HubOptions = {
  /** Which of the processes that share the ledger this is. */
  process?: number
  mode?: ExpressMode
  limits?: Partial<SpendingRules>
  pinAboveMinor?: bigint
  admission?: Parameters<typeof makeAdmission>[0]['limits']
  caps?: Partial<UntouchedCaps>
}

export type Hub = ReturnType<Stage['hub']>
export type Stage = Awaited<ReturnType<typeof openStage>>

/** What of a payment its payer signs. */
type Signable = Pick<PaymentRow, 'id' | 'payee' | 'amount' | 'capture_method' | 'order_ref'>

type Ask = { name: 'transfer.create' | 'payment.confirm' | 'topup.create' | 'withdrawal.create'; key?: string }

export async function openStage() {
  const books = await openBooks()
  const limitsLedger = (await ensureLedger(books.owner, 'KES', 2, 'limits')).id
  const store = makePaymentStore(books.hub)
  const claims = makeClaims(randomBytes(32))
  const pepper = randomBytes(32)
  /** By device; those of `further` as the database has them at each command. */
  const principals = new Map<string, Principal>()
  const further = new Set<string>()
  const ring = { writes: 'test', keys: new Map([['test', createSecretKey(randomBytes(32))]]) }
  /** Added to the time of the hubs; the database keeps its own. */
  const time = { aheadMs: 0 }
  const clock: Clock = {
    now: () => Date.now() + time.aheadMs,
    monotonic: () => performance.now() + time.aheadMs,
  }

  function hub(options: HubOptions = {}) {
    const accounts = makeAccountBook(books.hub, options.process ?? 0)
    /** What the admission is told: unstarted payments, and whether starts fail. */
    const strain = { backlog: 0, startsFail: false }
    const started: string[] = []
    const guard = makeRailGuard({ clock, callsMax: () => 1_000 })
    const deps: PaymentDeps = {
      sql: books.hub,
      store,
      ledger: books.ledger,
      accounts,
      ids: makePaymentIds(ids, claims),
      clock,
      log,
      authenticate: async (token) => {
        const principal = principals.get(token)
        if (principal === undefined) return err(refuse('unauthenticated', 'nobody'))
        if (!further.has(token)) return ok(principal)
        const device = await readDevice(books.hub, token)
        if (device === null || device.status === 'revoked') return err(refuse('forbidden', 'revoked'))
        return ok({ ...principal, deviceStatus: isRestricted(device, clock.now()) ? 'restricted' : 'active' })
      },
      authenticateMerchant: makeAuthenticateMerchant({ sql: books.hub, clock, pepper, env: 'test' }),
      merchantIsOpen: makeMerchantIsOpen({ sql: books.hub, clock }),
      pins: makePins({ sql: books.hub, pepper }),
      authenticateSocket: () => Promise.resolve(err(refuse('unauthenticated', 'not in this test'))),
      issueMerchantToken: () => Promise.reject(new Error('not in this test')),
      claims,
      codes: makeCodes({
        sql: books.hub,
        clock,
        log,
        ring,
        caps: { paymentMaxMinor: 2_000n, dayMaxMinor: 10_000n, countMax: 10, ...options.caps },
        timeZone: 'Africa/Nairobi',
      }),
      rules: {
        env: 'test',
        ledger: books.book,
        currency: 'KES',
        exponent: 2,
        currencyNumeric: '404',
        country: 'KE',
        city: 'Nairobi',
        pinAboveMinor: options.pinAboveMinor ?? 1_000_000n,
        paymentMaxMinor: 1_000_000n,
        startWithinMs: START_WITHIN_MS,
      },
      rails: scriptedRail(RAIL).book,
      feePlans: makeFeePlans({ sql: books.hub, clock }),
      spending: makeSpending({
        sql: books.hub,
        book: makeLimitBook({ accounts, ids, ledgerId: limitsLedger }),
        rules: {
          currency: 'KES',
          paymentMaxMinor: 1_000_000n,
          dayMaxMinor: 1_000_000n,
          monthMaxMinor: 10_000_000n,
          low: { paymentMaxMinor: 1_000n, dayMaxMinor: 1_500n },
          timeZone: 'Africa/Nairobi',
          ...options.limits,
        },
        tierOf: makeTiers({ sql: books.hub, clock }).of,
      }),
      admission: makeAdmission({
        mode: options.mode ?? 'off',
        counted: () => strain.backlog,
        startsFail: () => strain.startsFail,
        clock,
        ...(options.admission === undefined ? {} : { limits: options.admission }),
      }),
      guard,
      failpoint: () => {},
      start: (payment) => void started.push(payment),
      startLate: (late) => void started.push(...late.map(({ id }) => id)),
      restart: () => {},
      wake: () => {},
    }
    const commands = phoneCommands(deps)
    const shops = checkoutCommands(deps)

    /** As the front door asks: the reply, and what follows it. */
    async function send(phone: Phone, name: keyof typeof commands, body: unknown, key?: string) {
      const { reply, after } = await commands[name]({
        requestId: 'req_test',
        credential: { type: 'device', token: phone.device },
        ...(key === undefined ? {} : { key }),
        body,
        deadline: Date.now() + 60_000,
      })
      after?.()
      return reply
    }

    return {
      /** As the bridge asks for a merchant's server. */
      async post(shop: Shop, body: object, key = random(18)) {
        const { reply, after } = await shops['checkout.create']({
          requestId: 'req_test',
          credential: { type: 'merchant', secretKey: shop.secretKey },
          key,
          body,
          deadline: Date.now() + 60_000,
        })
        after?.()
        return reply
      },
      deps,
      guard,
      strain,
      started,
      send,
      /** Answers with the payment, or with the code of the refusal. */
      async ask(phone: Phone, { name, key = random(18) }: Ask, body: object) {
        const reply = await send(phone, name, body, key)
        return reply.ok ? accepted(reply.body) : { code: reply.error.code, retryAfterMs: reply.error.retry_after_ms }
      },
    }
  }

  async function sign(phone: Phone, what: Omit<Parameters<typeof confirmationClaims>[0], 'env' | 'user' | 'device'>) {
    const expected = confirmationClaims({ env: 'test', user: phone.user, device: phone.device, ...what })
    return compactJws(
      { alg: 'ES256', typ: 'mooring-confirm+jwt', kid: phone.device },
      { ...expected, jti: random(18), exp: Math.floor(clock.now() / 1_000) + 120 },
      phone.key.sign,
    )
  }

  async function register(phone: Phone, status: 'active' | 'restricted'): Promise<void> {
    const jwk = { ...phone.key.publicJwk, kty: 'EC' as const, crv: 'P-256' as const }
    principals.set(phone.device, {
      user: phone.user,
      device: phone.device,
      deviceStatus: status,
      publicKey: await importDeviceKey(jwk),
      jkt: phone.device,
      expiresAtMs: Date.now() + 3_600_000,
    })
    await books.owner`
      insert into devices (id, user_id, name, public_key, jkt, status, restricted_until)
      values (${phone.device}, ${phone.user}, 'test', ${books.owner.json(jwk)}, ${phone.device}, ${status},
        case when ${status} = 'restricted' then clock_timestamp() + interval '72 hours' end)`
  }

  const common = { currency: 'KES', captureMethod: 'automatic' as const, orderRef: null }
  return {
    books,
    store,
    time,
    hub,

    /** A user with a phone, this much in the wallet, and a linked account. */
    async phone(balance: number): Promise<Phone> {
      const phone = { user: ids.make('usr'), device: ids.make('dev'), key: await makeKey(), source: ids.make('src') }
      await books.owner`
        insert into users (id, phone) values (${phone.user}, ${`+2547${randomBytes(4).readUInt32BE().toString()}`})`
      await register(phone, 'active')
      await books.owner`
        insert into sources (id, user_id, type, rail, bank, account, holder, currency, label, status, mandate_id,
          mandate_signed_on, created_at)
        values (${phone.source}, ${phone.user}, 'bank', ${RAIL}, ${RAIL}, 'DE23999999990000000000', 'Customer', 'KES',
          'Test Bank', 'active', 'M1', '2026-01-01', clock_timestamp())`
      const [cash = '', wallet = ''] = await books.open(cashAccount('bank', 'trust'), walletAccount(phone.user))
      if (balance > 0) await books.apply([books.post(cash, wallet, balance)])
      return phone
    },

    /** A further device of its user, as the database has it at each command. */
    async device(of: Phone, status: 'active' | 'restricted'): Promise<Phone> {
      const phone = { ...of, device: ids.make('dev'), key: await makeKey() }
      further.add(phone.device)
      await register(phone, status)
      return phone
    },

    /** A body with this phone's signature over it. */
    async action<B extends Record<string, unknown>>(phone: Phone, name: string, body: B, more: object = {}) {
      const signed = actionClaims({
        user: phone.user,
        device: phone.device,
        name,
        bodyHash: actionBodyHash(body),
      })
      const exp = Math.floor(clock.now() / 1_000) + 120
      const header = { alg: 'ES256', typ: 'mooring-action+jwt', kid: phone.device }
      const action = await compactJws(header, { ...signed, jti: random(18), exp, ...more }, phone.key.sign)
      return { ...body, action }
    },

    /** What this phone sends to pay another one; `payerFee` as it was quoted. */
    async transfer(phone: Phone, to: Phone, amount: number, key = random(18), payerFee = 0) {
      const confirmation = await sign(phone, {
        ...common,
        kind: 'transfer',
        subject: { key },
        payee: to.user,
        amountMinor: BigInt(amount),
        payerFeeMinor: BigInt(payerFee),
        source: 'wallet',
      })
      return {
        ask: { name: 'transfer.create' as const, key },
        body: { to: to.user, amount: String(amount), currency: 'KES', confirmation },
      }
    },

    /** A merchant whose payments cost it nothing. */
    async shop(name = 'Shop'): Promise<Shop> {
      const secretKey = `sk_test_${random(24)}`
      const feePlan = { basisPoints: 0n, fixedMinor: 0n }
      const made = await createMerchant(
        { sql: books.owner, ids, pepper },
        { name, secretKey, feePlan, storeName: 'Till' },
      )
      return { ...made, secretKey }
    },

    async own(kind: 'topup' | 'withdrawal', phone: Phone, amount: number, payerFee = 0) {
      const key = random(18)
      const confirmation = await sign(phone, {
        ...common,
        kind,
        subject: { key },
        payee: 'self',
        amountMinor: BigInt(amount),
        payerFeeMinor: BigInt(payerFee),
        source: phone.source,
      })
      const name = `${kind}.create` as const
      return {
        ask: { name, key },
        body: { source: phone.source, amount: String(amount), currency: 'KES', confirmation },
      }
    },

    /** A merchant's order, as `POST /v1/payments` makes it. */
    async order(amount: number, more: Partial<PaymentRow> = {}): Promise<PaymentRow> {
      const row = paymentRow({
        id: ids.make('pay'),
        ledger: books.book,
        kind: 'order',
        user: '',
        to: random(12),
        amount: BigInt(amount),
      })
      const payment = { ...row, ...more }
      await books.owner`
        insert into merchants (id, name) values (${payment.merchant ?? ''}, 'A shop') on conflict do nothing`
      const made = await books.ledger.apply({ id: ids.uuid(), ok: { new_payment: newPaymentColumns(payment) } })
      if (made.code !== 'ok') throw new Error(`an order was answered ${made.code}`)
      return payment
    },

    /** What this phone sends to pay an order. */
    async confirm(phone: Phone, payment: Signable, source = 'wallet') {
      const confirmation = await sign(phone, {
        ...common,
        kind: 'purchase',
        subject: { payment: payment.id },
        payee: payment.payee,
        amountMinor: payment.amount,
        payerFeeMinor: 0n,
        source,
        captureMethod: payment.capture_method,
        orderRef: payment.order_ref,
      })
      const claim = claims.make(payment.id, phone.user)
      return {
        ask: { name: 'payment.confirm' as const, key: random(18) },
        body: { payment: payment.id, claim, source, confirmation },
      }
    },

    publish: (of: { merchant: string } | { payersOf: string }, plan: FeePlan) =>
      books.owner.begin((tx) => publishFeePlan({ sql: tx, ids }, of, plan)),

    /** What is held and posted of a user's limits, by period. */
    async used(phone: Phone): Promise<Record<string, { held: bigint; posted: bigint; max: bigint }>> {
      const rows = await books.owner<{ name: string; held: bigint; posted: bigint; max: bigint }[]>`
        select replace(name, 'limit:' || owner || ':', '') as name, credits_pending as held, credits_posted as posted, allowance as max
        from accounts where ledger = ${limitsLedger} and owner = ${phone.user} order by name`
      return Object.fromEntries(rows.map(({ name, ...sums }) => [name, sums]))
    },

    async wallet(phone: Phone): Promise<{ left: bigint; held: bigint }> {
      const [row] = await books.owner<{ left: bigint; held: bigint }[]>`
        select credits_posted - debits_posted as left, debits_pending as held from accounts
        where name = ${`wallet:${phone.user}`}`
      if (row === undefined) throw new Error('no wallet')
      return row
    },

    /** Everything the audit finds wrong. */
    async breaches(): Promise<string[]> {
      const { breaches } = await audit(books.owner)
      return breaches.map(({ invariant, what }) => `${invariant} ${what}`)
    },

    close: () => books.close(),
  }
}

const View = z.object({ id: z.string(), status: z.string(), version: z.number(), captured_amount: z.string() })

/** What a positive reply to a command that makes or moves a payment tells. */
function accepted(body: unknown): { id: string; status: string; version: number; captured: string } {
  const { captured_amount: captured, ...view } = View.parse(body)
  return { ...view, captured }
}
