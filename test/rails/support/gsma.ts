import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { makeGsmaRail, readGsmaCredentials, type GsmaConfig } from '../../../src/rails/gsma/index.ts'
import type { Rail, RailOrder } from '../../../src/rails/port.ts'
import { startSimulator, writeKeys, type Simulator } from './sim.ts'

/** The mobile money connector and its simulator as a process. The two share no code. */

export const ACCOUNT_ID = 'mooring'
export const CONTROL_TOKEN = 'control-token-of-this-test'
export const SECRETS = {
  client_id: 'mooring-test',
  client_secret: 'client-secret-of-this-test',
  api_key: 'api-key-of-this-test-only',
  callback_api_key: 'callback-key-of-this-test',
}

export const magicPhone = (nn: number): string => `+999555000${String(nn).padStart(2, '0')}`

/** A first send; of a refund the original is the caller's to set. */
export function makeMoneyOrder(more: Partial<RailOrder> = {}): RailOrder {
  return {
    operation: 'collect',
    step: 'submit',
    reference: `m${randomBytes(10).toString('hex')}`,
    uetr: randomUUID(),
    amountMinor: 12_346n,
    currency: 'KES',
    dispatchedAtMs: Date.now(),
    sends: 1,
    account: { type: 'phone', phone: magicPhone(0) },
    mandate: null,
    description: 'Order 7',
    merchant: { id: 'mer_1', name: 'Harbour Coffee' },
    original: null,
    memo: {},
    input: null,
    ...more,
  }
}

export type MoneyRail = {
  rail: Rail
  registry: Registry
  operator: Simulator
  controlUrl: string
  /** The connector's clock ahead of the machine's, ms. */
  advance(ms: number): void
  stop(): Promise<void>
}

export async function startMoneyRail(callbackUrl: string, more: Partial<GsmaConfig> = {}): Promise<MoneyRail> {
  const dir = mkdtempSync(join(tmpdir(), 'mooring-sim-'))
  const hubKeys = writeKeys(dir, 'hub', { 'gsma.json': JSON.stringify(SECRETS) })
  const operator = await startSimulator('sim/gsma/main.ts', {
    SIM_DATA: join(dir, 'data'),
    SIM_KEYS: writeKeys(dir, 'sim-gsma', {
      'client.json': JSON.stringify({ ...SECRETS, account_id: ACCOUNT_ID }),
      'control.token': CONTROL_TOKEN,
    }),
    SIM_CALLBACK_URL: callbackUrl,
  })
  const registry = new Registry()
  let aheadMs = 0
  const rail = makeGsmaRail({
    id: 'demo-money',
    baseUrl: `http://127.0.0.1:${operator.port}/v1.2/mm`,
    callbackUrl,
    accountId: ACCOUNT_ID,
    linksPendingRequests: true,
    credentials: readGsmaCredentials(hubKeys),
    clock: { now: () => Date.now() + aheadMs, monotonic: () => performance.now() },
    log: pino({ level: 'silent' }),
    registry,
    ...more,
  })
  return {
    rail,
    registry,
    operator,
    controlUrl: `http://127.0.0.1:${operator.controlPort ?? 0}/control`,
    advance: (ms) => {
      aheadMs += ms
    },
    stop: async () => {
      await rail.close()
      await operator.stop()
      rmSync(dir, { recursive: true })
    },
  }
}

/** After this an order that the operator does not know is believed to be unknown to it, ms. */
export const BELIEVED_AFTER_MS = 8_000 + 60_000
