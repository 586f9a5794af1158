import { afterEach } from 'vitest'
import { connect, generateDeviceKey, type ConnectOptions, type Mooring } from '../../../clients/mobile/index.ts'
import type { PaymentView } from '../../../src/contract/index.ts'
import { DEVICE, hurried, ScriptedServer, USER } from './scripted-server.ts'

const open: { close(): Promise<void> }[] = []

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close()
})

export async function startServer(): Promise<ScriptedServer> {
  const server = await ScriptedServer.start()
  open.push(server)
  return server
}

/** A client whose clock runs 20 times as fast, so that backoffs and deadlines pass quickly. */
export async function connectTo(server: ScriptedServer, more: Partial<ConnectOptions> = {}): Promise<Mooring> {
  const key = more.key ?? (await generateDeviceKey())
  server.trust(await key.publicJwk())
  const client = await connect({
    url: server.url,
    bridge: server.bridge,
    identity: { user: USER, device: DEVICE },
    key,
    ports: { clock: hurried(20) },
    ...more,
  })
  open.push(client)
  return client
}

export function payment(version: number, more: Partial<PaymentView> = {}): PaymentView {
  return {
    id: 'pay_0000000000000000000001',
    kind: 'purchase',
    status: 'processing',
    status_reason: null,
    version,
    amount: '12345',
    currency: 'KES',
    refunded_amount: '0',
    captured_amount: '0',
    payer: USER,
    payee: 'mer_scripted0shop',
    payee_name: 'Shop',
    store: null,
    source: null,
    capture_method: 'automatic',
    order_ref: null,
    description: null,
    failure: null,
    next_action: null,
    recovery: null,
    dispute: null,
    created_at: '2026-01-01T00:00:00.000Z',
    updated_at: '2026-01-01T00:00:00.000Z',
    expires_at: null,
    ...more,
  }
}

export function wireError(code: string, more: object = {}): object {
  return { code, message: code, retryable: false, retry_after_ms: null, request_id: 'req_scripted', ...more }
}

/** The first `n` items of an iteration. */
export async function take<T>(items: AsyncIterable<T>, n: number): Promise<T[]> {
  const out: T[] = []
  if (n === 0) return out
  for await (const item of items) {
    out.push(item)
    if (out.length === n) break
  }
  return out
}
