import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { readCamaraCredentials, makeCamaraRail, type CamaraRailConfig } from '../../../src/rails/camara/index.ts'
import type { Rail, RailOrder } from '../../../src/rails/port.ts'
import { startSimulator, writeKeys, type Simulator } from './sim.ts'

/** The operator connector and the operator simulator as a process. The two share no code. */

export const OPERATOR_CONTROL_TOKEN = 'control-token-of-this-test'
export const CALLBACK_KEY = Buffer.from('callback-key-of-this-test')
const CLIENT = JSON.stringify({ client_id: 'mooring', client_secret: 'a-secret-of-this-test' })

export const magicPhone = (nn: number): string => `+999555000${String(nn).padStart(2, '0')}`

/** A first send; of a refund the original is the caller's to set. */
export function makeChargeOrder(more: Partial<RailOrder> = {}): RailOrder {
  return {
    operation: 'collect',
    step: 'prepare',
    reference: `o${randomBytes(10).toString('hex')}`,
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

export type OperatorRail = {
  rail: Rail
  registry: Registry
  operator: Simulator
  controlUrl: string
  /** Puts the connector's clock ahead of the machine's. */
  advance(ms: number): void
  stop(): Promise<void>
}

export async function startOperatorRail(
  callbackUrl: string,
  more: Partial<CamaraRailConfig> = {},
  env: Record<string, string> = {},
): Promise<OperatorRail> {
  const dir = mkdtempSync(join(tmpdir(), 'mooring-sim-'))
  const hub = writeKeys(dir, 'hub', { 'camara.json': CLIENT })
  const operator = await startSimulator('sim/camara/main.ts', {
    SIM_DATA: join(dir, 'data'),
    SIM_KEYS: writeKeys(dir, 'sim-camara', { 'client.json': CLIENT, 'control.token': OPERATOR_CONTROL_TOKEN }),
    SIM_ALLOW_HTTP_LOOPBACK: '1',
    ...env,
  })
  const registry = new Registry()
  let aheadMs = 0
  const rail = makeCamaraRail({
    id: 'demo-mobile',
    baseUrl: `http://127.0.0.1:${operator.port}`,
    mode: 'two_step',
    credentials: readCamaraCredentials(hub),
    callback: { url: callbackUrl, key: CALLBACK_KEY },
    clock: { now: () => Date.now() + aheadMs, monotonic: () => performance.now() },
    log: pino({ level: 'silent' }),
    registry,
    ...more,
  })
  return {
    rail,
    registry,
    operator,
    controlUrl: `http://127.0.0.1:${operator.controlPort ?? operator.port}/control`,
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
