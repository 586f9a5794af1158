import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { devJson } from '../../src/proc/dev/dev-json.ts'
import { devPorts } from '../../src/proc/dev/ports.ts'
import { parseOptions } from '../../src/proc/dev/options.ts'
import { Patience } from '../../tools/demo/patience.ts'
import type { DevJson } from '../../tools/dev-json.ts'
import { ROOT } from '../../tools/paths.ts'
import { followToEnd, prepare, type Order } from '../e2e/support/orders.ts'
import { RailWitness } from '../e2e/support/rails.ts'
import { openWorld, type World } from '../e2e/support/world.ts'
import { upHere, type Here } from './here.ts'

/** docker-compose.yml, brought up without containers: what stands in it is enough, in that order, to pay. */

const PATIENCE_S = 240
/** The last line that setup prints. */
const Setup = z.object({ merchants: z.array(z.object({ id: z.string(), name: z.string(), store: z.string() })) })

let here: Here
let world: World

/** What `npm start` would have written, of these processes. */
function described(of: Here): DevJson {
  const ports = {
    ...devPorts(0),
    edge: (index: number) => of.port(`edge-${index}`, 7100),
    bridge: of.port('bridge-0', 7200),
    opsPage: of.port('ops-0', 7310),
    bank: of.port('sim-bank', 7511),
    bankControl: of.port('sim-bank', 7501),
    camara: of.port('sim-camara', 7502),
    gsma: of.port('sim-gsma', 7503),
  }
  const merchants = Setup.parse(JSON.parse(of.log('setup').trimEnd().split('\n').at(-1) ?? ''))
  const base = {
    options: parseOptions(['--edges', '2'], {}, ROOT),
    ports,
    keysDir: of.keysDir,
    failpoints: undefined,
    workflowTaskTimeoutMs: undefined,
    express: undefined,
    opsTwoAbove: '1000000',
    origins: undefined,
    logLevel: 'info',
  }
  const servers = {
    database: () => of.key('setup', 'database.url'),
    nats: () => '',
    temporal: { address: `127.0.0.1:${of.port('temporal', 7233)}`, namespace: 'default', ui: undefined },
  }
  return { ...devJson(base, servers, merchants), pids: {} }
}

beforeAll(async () => {
  here = await upHere()
  world = await openWorld(described(here), new Patience(PATIENCE_S), { phones: 2, fundMinor: 20_000n })
})
afterAll(async () => {
  await world?.close()
  await here?.stop()
})

describe('what docker-compose.yml says', () => {
  it('pays at every rail, through a socket of uWebSockets.js', async () => {
    const { phones, merchants, patience, currency } = world
    const [payer, payee] = phones
    for (const way of ['qr from bank', 'qr from phone bill', 'qr from mobile money', 'person to person'] as const) {
      const order: Order = { way, amountMinor: 1_200n, payer, payee, merchant: merchants[0] }
      const { id } = await (await prepare(order, currency)).confirm()
      expect([way, (await followToEnd(patience, order, id)).status]).toEqual([way, 'succeeded'])
    }
    for (const edge of ['edge-0', 'edge-1']) expect(here.log(edge)).toContain('"transport":"uws"')
  })

  it('has rails call back under the name by which the bridge is known', async () => {
    const { phones, merchants, patience, currency, dev } = world
    const [payer, payee] = phones
    for (const [way, rail, amountMinor] of [
      ['top-up', 'bank', 3_101n],
      ['qr from phone bill', 'operator', 3_102n],
      ['top-up by mobile money', 'money', 3_103n],
    ] as const) {
      const witness = new RailWitness(rail, dev, patience)
      await witness.rule({ amount: String(amountMinor), operation: 'collect' }, { kind: 'late_callback', after_s: 2 })
      const order: Order = { way, amountMinor, payer, payee, merchant: merchants[0] }
      const { id } = await (await prepare(order, currency)).confirm()
      expect([way, (await followToEnd(patience, order, id)).status]).toEqual([way, 'succeeded'])
    }
    expect(here.log('bridge-0')).not.toContain('"level":50')
  })
})
