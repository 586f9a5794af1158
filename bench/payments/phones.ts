import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import {
  connect,
  enrol,
  generateDeviceKey,
  isTerminal,
  type Mooring,
  MooringError,
} from '../../clients/mobile/index.ts'
import { COMMANDS, type PaymentView } from '../../src/contract/index.ts'
import { makeIban } from '../../src/domain/iban.ts'
import type { DevJson } from '../../tools/dev-json.ts'
import { linkMobileMoney, type Signed, signedConfirmation } from './signing.ts'
import { scan } from '../../tools/demo/scan.ts'

/** What a phone pays from, and the rail that then moves the money. */
export type Source = { rail: string; id: string }

/** A payment that succeeded. */
export type Paid = { id: string; rail: string }

/** A phone whose payments are timed. What is made ready is made off the clock, and paid in any order. */
export type BenchPhone = {
  /** Its accounts at banks and operators. */
  readonly sources: readonly Source[]
  /** Makes and scans this many payments, from its sources by turns. */
  prepare(count: number): Promise<void>
  /** Makes, scans and signs this many payments from its wallet. */
  prepareSigned(count: number): Promise<void>
  /** Confirms the next one and waits for its `succeeded`: of a rail in the event, of a wallet in the reply. */
  payOne(): Promise<Paid>
  /** Brings money into the wallet, minor units. */
  topUp(amount: string): Promise<void>
  close(): Promise<void>
}

const digits = (n: number) => Array.from({ length: n }, () => String(randomInt(10))).join('')

export async function benchPhone(dev: DevJson, index: number): Promise<BenchPhone> {
  const phone = `+2547${digits(8)}`
  const key = await generateDeviceKey()
  const identity = await enrol({
    bridge: dev.bridge,
    phone,
    deviceName: `bench ${String(index)}`,
    key,
    readOtp: () => readOtp(dev, phone),
  })
  const url = dev.edge[index % dev.edge.length] ?? ''
  const client = await connect({ url, bridge: dev.bridge, identity, key })
  const signer: Signed = {
    key,
    user: client.user,
    device: identity.device,
    env: dev.env,
    now: () => client.serverNow(),
  }
  const ends = watch(client)
  const sources = await linkAll(client, signer)
  const ready: (() => Promise<Paid>)[] = []

  /** Waits for the event that ends a payment this phone starts by `start`. */
  async function ended(start: () => Promise<PaymentView>): Promise<PaymentView> {
    const view = await start()
    return isTerminal(view.status) ? view : ends(view.id)
  }

  return {
    sources,
    async prepare(count) {
      for (let i = 0; i < count; i++) {
        const source = sources[i % sources.length]
        if (source === undefined) throw new Error('no bank and no operator can be paid from')
        const { payment, claim } = await scanned(client, dev)
        const quote = { payer_fee: '0', total: payment.amount }
        ready.push(async () => {
          const view = await ended(() => client.pay({ payment, claim, source: source.id, quote }))
          return succeeded(view, source.rail)
        })
      }
    },
    async prepareSigned(count) {
      const orders = []
      for (let i = 0; i < count; i++) orders.push(await scanned(client, dev))
      // Signatures end after some minutes: all of them are made last.
      for (const { payment, claim } of orders) {
        const confirmation = await signedConfirmation(signer, payment, 'wallet')
        const idempotencyKey = randomBytes(16).toString('base64url')
        ready.push(async () => {
          const body = { payment: payment.id, claim, source: 'wallet', confirmation } as const
          return succeeded(await client.command('payment.confirm', body, { key: idempotencyKey }), 'wallet')
        })
      }
    },
    async payOne() {
      const pay = ready.pop()
      if (pay === undefined) throw new Error('no payment was prepared')
      return pay()
    },
    async topUp(amount) {
      const [source] = sources
      if (source === undefined) throw new Error('no bank can be topped up from')
      const quote = { payer_fee: '0', total: amount }
      const order = { source: source.id, amount, currency: dev.currency, quote }
      succeeded(await ended(() => client.topup(order)), source.rail)
    },
    close: () => client.close(),
  }
}

function succeeded(view: PaymentView, rail: string): Paid {
  if (view.status !== 'succeeded') {
    throw new Error(`bench payment ${view.id} from ${rail} is ${view.status}: ${view.failure?.code ?? 'no failure'}`)
  }
  return { id: view.id, rail }
}

/** Answers with a payment's end, whether its event has come already or not. */
function watch(client: Mooring): (id: string) => Promise<PaymentView> {
  const waiting = new Map<string, (view: PaymentView) => void>()
  const over = new Map<string, PaymentView>()
  void (async () => {
    for await (const event of client.events({ buffer: 10_000 })) {
      if (event.name !== 'payment.updated' || !isTerminal(event.body.status)) continue
      const { id } = event.body
      const tell = waiting.get(id)
      waiting.delete(id)
      if (tell === undefined) over.set(id, event.body)
      else tell(event.body)
    }
  })()
  return async (id) => {
    const known = over.get(id)
    over.delete(id)
    return known ?? new Promise((resolve) => waiting.set(id, resolve))
  }
}

/** An account at each bank and operator that is there: the bank first, since it alone tops wallets up. */
async function linkAll(client: Mooring, signer: Signed): Promise<Source[]> {
  const { banks, operators } = await client.command('source.options', {})
  const sources: Source[] = []
  for (const { id: bank } of banks) {
    const { id } = await client.linkBank({ bank, account: makeIban('DE', `88888888${digits(10)}`) })
    sources.push({ rail: bank, id })
  }
  for (const { id: operator, kinds } of operators) {
    // The phone bill belongs to the number: nothing is to be linked.
    if (kinds.includes('operator')) sources.push({ rail: operator, id: 'operator' })
    if (kinds.includes('mobile_money')) {
      const body = COMMANDS['source.link'].body.safeParse(await linkMobileMoney(signer, operator))
      if (!body.success) continue
      const { id, status } = await client.command('source.link', body.data)
      if (status === 'active') sources.push({ rail: operator, id })
    }
  }
  return sources
}

async function scanned(client: Mooring, dev: DevJson) {
  const payload = await newQr(dev)
  return patiently(() => scan(client, payload))
}

async function newQr(dev: DevJson): Promise<string> {
  const [merchant] = dev.merchants
  const response = await fetch(`${dev.bridge}/payments`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${merchant?.secret_key ?? ''}`,
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
    },
    body: JSON.stringify({ amount: String(1_000 + randomInt(1_000)), currency: dev.currency }),
  })
  return z.object({ qr: z.object({ payload: z.string() }) }).parse(await response.json()).qr.payload
}

/** Again where the server asks to come later: many are made ready at once. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof MooringError) || !error.retryable) throw error
      await delay(error.retryAfterMs ?? 200)
    }
  }
}

async function readOtp(dev: DevJson, phone: string): Promise<string> {
  const { control, control_token: token } = dev.sim.camara
  for (let i = 0; i < 100; i++) {
    const response = await fetch(`${control}/sms?phone=${encodeURIComponent(phone)}`, {
      headers: { authorization: `Bearer ${token}` },
    })
    const { data } = z.object({ data: z.array(z.object({ text: z.string() })) }).parse(await response.json())
    const otp = /\b\d{6}\b/.exec(data[0]?.text ?? '')?.[0]
    if (otp !== undefined) return otp
    await delay(50)
  }
  throw new Error(`no SMS came to ${phone}`)
}
