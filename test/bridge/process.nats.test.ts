import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { okReply } from '../../src/bus/index.ts'
import { freePorts } from '../../tools/process/ports.ts'
import { natsUrlOf, startNats, type NatsAddress, type TestServer } from '../support/servers.ts'
import { merchantHeaders, PAYMENT, scriptedHub, type ScriptedHub } from './stage.ts'

const MAIN = join(import.meta.dirname, '../../src/proc/bridge.ts')

let nats: TestServer<NatsAddress>
let hub: ScriptedHub
let keys: string
beforeAll(async () => {
  nats = await startNats()
  hub = await scriptedHub(nats)
  keys = mkdtempSync(join(tmpdir(), 'mooring-bridge-keys-'))
})
afterAll(async () => {
  await hub.close()
  await nats.stop()
  rmSync(keys, { recursive: true, force: true })
})

async function startBridge(more: Record<string, string> = {}) {
  const [port = 0, privatePort = 0] = await freePorts(2)
  const child = spawn(process.execPath, [MAIN], {
    env: {
      MOORING_ENV: 'test',
      MOORING_PROCESS: 'bridge-0',
      MOORING_PORT: String(port),
      MOORING_PRIVATE_PORT: String(privatePort),
      MOORING_KEYS: keys,
      MOORING_CAPS: 'off',
      NATS_URL: natsUrlOf(nats, 'bridge'),
      LOG_LEVEL: 'info',
      ...more,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const ready = () =>
    fetch(`http://127.0.0.1:${privatePort}/readyz`).then(
      ({ status }) => status,
      () => 0,
    )
  return {
    child,
    exited,
    ready,
    url: `http://127.0.0.1:${port}`,
    privateUrl: `http://127.0.0.1:${privatePort}`,
    output: () => output,
  }
}

const create = (url: string) =>
  fetch(`${url}/v1/payments`, {
    method: 'POST',
    body: '{"amount":"1","currency":"KES"}',
    headers: { 'content-type': 'application/json', ...merchantHeaders() },
  })

it('the process becomes ready, counts what it answers, drains what is in flight at SIGTERM and exits 0', async () => {
  const bridge = await startBridge()
  await expect.poll(bridge.ready, { timeout: 20_000 }).toBe(200)
  hub.answer = () => okReply(PAYMENT)
  expect((await create(bridge.url)).status).toBe(201)
  const metrics = await fetch(`${bridge.privateUrl}/metrics`).then((response) => response.text())
  expect(metrics).toContain('bridge_requests_total{method="POST",route="/v1/payments",status="201"} 1')

  let release = (): void => {}
  const held = new Promise<void>((resolve) => (release = resolve))
  hub.answer = async () => {
    await held
    return okReply(PAYMENT)
  }
  hub.asked = []
  const inFlight = create(bridge.url)
  await expect.poll(() => hub.asked.length).toBe(1)
  bridge.child.kill('SIGTERM')
  await expect.poll(bridge.ready).not.toBe(200)
  release()
  const released = performance.now()
  expect((await inFlight).status).toBe(201)
  expect(await bridge.exited).toBe(0)
  expect(performance.now() - released).toBeLessThan(5_000)
  expect(bridge.output()).not.toContain('sk_test_')
})

it('the process tells the hub who is behind its balancer', async () => {
  const bridge = await startBridge({ MOORING_PROXIES: '127.0.0.1' })
  await expect.poll(bridge.ready, { timeout: 20_000 }).toBe(200)
  hub.asked = []
  hub.answer = () => okReply({ nonce: 'n', expires_at: '2026-11-23T12:00:00.000Z' })
  await fetch(`${bridge.url}/v1/nonces`, { method: 'POST', headers: { 'x-forwarded-for': '203.0.113.7' } })
  expect(hub.asked[0]?.request.address).toBe('203.0.113.7')
  bridge.child.kill('SIGTERM')
  expect(await bridge.exited).toBe(0)
})

it('the process says every setting that does not fit and does not start', async () => {
  const bridge = await startBridge({ MOORING_CAPS: 'maybe', MOORING_PORT: 'x', MOORING_PROXIES: '10.0.0.0/99' })
  expect(await bridge.exited).toBe(1)
  expect(bridge.output()).toContain('MOORING_CAPS')
  expect(bridge.output()).toContain('MOORING_PORT')
  expect(bridge.output()).toContain('MOORING_PROXIES: "10.0.0.0/99" is no address and no network')
})
