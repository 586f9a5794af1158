import { randomInt, randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { connect, enrol, generateDeviceKey } from '../../clients/mobile/index.ts'
import { z } from 'zod'
import { makeIban } from '../../src/domain/iban.ts'
import type { DevJson } from '../../tools/dev-json.ts'

/** A phone with a linked bank account, whose payments are timed from confirm to the `succeeded` event. */
export type BenchPhone = {
  /** Makes and scans this many payments, off the clock. */
  prepare(count: number): Promise<void>
  /** Confirms the next one and waits for its `succeeded` on the socket. */
  payOne(): Promise<void>
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
  const source = await client.linkBank({ bank: dev.sim.bank.bank, account: makeIban('DE', `88888888${digits(10)}`) })

  const waiting = new Map<string, () => void>()
  void (async () => {
    for await (const event of client.events({ buffer: 10_000 })) {
      if (event.name !== 'payment.updated') continue
      const { id, status, failure } = event.body
      if (status === 'succeeded') waiting.get(id)?.()
      else if (failure !== null) throw new Error(`bench payment ${id} ended ${status}: ${failure.code}`)
    }
  })()

  const ready: (() => Promise<void>)[] = []
  return {
    async prepare(count) {
      for (let i = 0; i < count; i++) {
        const { payment, claim } = await client.command('payment.resolve_qr', { payload: await newQr(dev) })
        const quote = { payer_fee: '0', total: payment.amount }
        ready.push(async () => {
          const done = Promise.withResolvers<void>()
          waiting.set(payment.id, done.resolve)
          await client.pay({ payment, claim, source: source.id, quote })
          await done.promise
          waiting.delete(payment.id)
        })
      }
    },
    async payOne() {
      const pay = ready.pop()
      if (pay === undefined) throw new Error('no payment was prepared')
      await pay()
    },
    close: () => client.close(),
  }
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
    body: JSON.stringify({ amount: String(1_000 + randomInt(9_000)), currency: dev.currency }),
  })
  return z.object({ qr: z.object({ payload: z.string() }) }).parse(await response.json()).qr.payload
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
