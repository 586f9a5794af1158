import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createServer, connect, type Server, type Socket } from 'node:net'
import { Client } from '@temporalio/client'
import { NativeConnection, Worker } from '@temporalio/worker'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { DURABLE_LIMITS, makeStarter, workflowBundle as bundleOf, type Starter } from '../../src/durable/index.ts'
import { recoveryId } from '../../src/domain/ids.ts'
import { makeLog } from '../../src/observe/log.ts'
import { ROOT } from '../../tools/paths.ts'
import { testTemporal } from '../support/run-servers.ts'

/**
 * A way to Temporal that a test can cut: what is in it is reset, and nobody listens until it is mended. Or its answers are
 * held back for a while.
 */
function makeWay(target: { host: string; port: number }) {
  const sockets = new Set<Socket>()
  const answering = new Set<Socket>()
  let server: Server | null = null
  let port = 0
  return {
    async mend(): Promise<string> {
      const listening = createServer((inward) => {
        const outward = connect(target)
        for (const [one, other] of [
          [inward, outward],
          [outward, inward],
        ] as const) {
          sockets.add(one)
          one.on('error', () => {})
          one.on('close', () => {
            sockets.delete(one)
            other.destroy()
          })
          one.pipe(other)
        }
        answering.add(outward)
        outward.on('close', () => answering.delete(outward))
      })
      await new Promise<void>((resolve) => listening.listen(port, '127.0.0.1', resolve))
      const address = listening.address()
      if (address === null || typeof address === 'string') throw new Error('no TCP address')
      port = address.port
      server = listening
      return `127.0.0.1:${String(port)}`
    },
    /** What Temporal says arrives when the promise is kept. */
    async held(until: Promise<void>): Promise<void> {
      for (const socket of answering) socket.pause()
      await until
      for (const socket of answering) socket.resume()
    },
    async cut(): Promise<void> {
      const closed = new Promise<void>((resolve) => (server === null ? resolve() : server.close(() => resolve())))
      for (const socket of sockets) socket.resetAndDestroy()
      await closed
    },
  }
}

let way: ReturnType<typeof makeWay>
let connection: NativeConnection
let client: Client

beforeAll(async () => {
  const { address, namespace } = testTemporal()
  const { hostname, port } = new URL(`http://${address}`)
  way = makeWay({ host: hostname, port: Number(port) })
  connection = await NativeConnection.connect({ address: await way.mend() })
  client = new Client({ connection, namespace })
})
afterAll(async () => {
  await connection.close()
  await way.cut()
})

const PATIENCE_MS = 60_000

test(
  'starts that fail open the circuit, and it closes once Temporal answers, with no payment to try it on',
  async () => {
    const log = makeLog({ name: 'test', level: 'silent' })
    // Nobody polls there: their work is not done here.
    const taskQueue = `test-${randomUUID()}`
    const starter = makeStarter({ client, log, workflowTaskTimeoutMs: 10_000, taskQueue })
    const about = { kind: 'topup', rail: 'demo-bank', merchant: null, user: 'usr_starter' } as const
    let begun = 0
    const ids: string[] = []
    const start = () => {
      const id = `pay_${randomUUID().replaceAll('-', '')}`
      ids.push(id)
      starter.start(id, about, () => (begun += 1))
    }
    start()
    await expect.poll(() => begun, { timeout: PATIENCE_MS }).toBe(1)
    expect(starter.isAway()).toBe(false)

    await way.cut()
    const cutAt = performance.now()
    for (let i = 0; i < DURABLE_LIMITS.start_failures; i++) start()
    await expect.poll(() => starter.isAway(), { timeout: PATIENCE_MS }).toBe(true)
    // Left to itself the client gives up after ten seconds.
    expect(performance.now() - cutAt).toBeLessThan(3 * DURABLE_LIMITS.start_deadline_ms)
    expect(begun).toBe(1)

    await way.mend()
    await expect.poll(() => starter.isAway(), { timeout: PATIENCE_MS }).toBe(false)
    // More than are asked for at once: the others have their turn.
    const many = 2 * DURABLE_LIMITS.starts_at_first
    for (let i = 0; i < many; i++) start()
    await expect.poll(() => begun, { timeout: PATIENCE_MS }).toBe(1 + many)
    // What Temporal has, the sweeper may find late; it is not offered again.
    const offers = vi.spyOn(client.workflow, 'start')
    const late = ids.slice(-many).map((id) => ({ id, about }))
    starter.startLate(late)
    expect(offers).not.toHaveBeenCalled()
    // And while these wait there to begin, of others no more than it can do soon.
    const others = Array.from({ length: DURABLE_LIMITS.late_offered }, () => `pay_${randomUUID().replaceAll('-', '')}`)
    ids.push(...others)
    starter.startLate([...late, ...others.map((id) => ({ id, about }))])
    await expect.poll(() => offers.mock.calls.length).toBe(DURABLE_LIMITS.late_offered - many)
    await starter.drain()
  },
  4 * PATIENCE_MS,
)

test(
  'one that runs is told to look where it would be started again, as what it was told may have been lost',
  async () => {
    const log = makeLog({ name: 'test', level: 'silent' })
    const starter = makeStarter({ client, log, workflowTaskTimeoutMs: 10_000, taskQueue: `test-${randomUUID()}` })
    const about = { kind: 'topup', rail: 'demo-bank', merchant: null, user: 'usr_starter' } as const
    const id = `pay_${randomUUID().replaceAll('-', '')}`
    const handle = client.workflow.getHandle(id)
    const told = async () => {
      const { events } = await handle.fetchHistory()
      return (events ?? []).filter((event) => event.workflowExecutionSignaledEventAttributes?.signalName === 'look')
        .length
    }
    let begun = false
    starter.start(id, about, () => (begun = true))
    await expect.poll(() => begun, { timeout: PATIENCE_MS }).toBe(true)
    expect(await told()).toBe(0)
    starter.restart(id, about)
    await expect.poll(told, { timeout: PATIENCE_MS }).toBe(1)
    await starter.drain()
  },
  2 * PATIENCE_MS,
)

test(
  'the first task of an eager start is done though the answer it came in was late',
  async () => {
    const { workflow_task_timeout_ms: workflowTaskTimeoutMs, start_deadline_ms } = DURABLE_LIMITS
    const taskQueue = `test-${randomUUID()}`
    const { namespace } = testTemporal()
    const workflowBundle = await bundleOf(join(ROOT, '.cache'))
    const activities = { lookAtRefund: () => Promise.resolve({ step: 'done', status: 'succeeded' }) }
    const worker = await Worker.create({ connection, namespace, taskQueue, workflowBundle, activities })
    const log = makeLog({ name: 'test', level: 'silent' })
    const starter = makeStarter({ client, log, workflowTaskTimeoutMs, taskQueue })
    const id = `rfd_${randomUUID().replaceAll('-', '')}`
    const events = await worker.runUntil(async () => {
      const held = way.held(delay(start_deadline_ms + 1_000))
      starter.start(id, { kind: 'refund', rail: 'demo-bank', merchant: 'mer_late', user: 'usr_late' })
      await held
      const handle = client.workflow.getHandle(id)
      expect(await handle.result()).toEqual({ status: 'succeeded' })
      return (await handle.fetchHistory()).events ?? []
    })
    await starter.drain()
    expect(events.filter((event) => event.workflowTaskTimedOutEventAttributes != null)).toEqual([])
    expect(events[0]?.workflowExecutionStartedEventAttributes?.eagerExecutionAccepted).toBe(true)
  },
  PATIENCE_MS,
)

const STUCK = {
  refund: (starter: Starter) => {
    const id = `rfd_${randomUUID().replaceAll('-', '')}`
    const about = { kind: 'refund', rail: 'demo-bank', merchant: 'mer_stuck', user: 'usr_stuck' } as const
    return { id, look: () => starter.restart(id, about) }
  },
  // Without it a return, or a settlement that came late, is never posted.
  recovery: (starter: Starter) => {
    const evidence = { id: randomUUID(), payment: `pay_${randomUUID().replaceAll('-', '')}` }
    return { id: recoveryId(evidence.payment, evidence.id), look: () => starter.recover(evidence) }
  },
}

test.each(['refund', 'recovery'] as const)(
  'a %s whose tasks fail again and again is begun anew, and one whose tasks do not is left as it is',
  async (kind) => {
    const { workflow_task_timeout_ms: workflowTaskTimeoutMs } = DURABLE_LIMITS
    const taskQueue = `test-${randomUUID()}`
    const { namespace } = testTemporal()
    const workflowBundle = await bundleOf(join(ROOT, '.cache'))
    const log = makeLog({ name: 'test', level: 'silent' })
    const starter = makeStarter({ client, log, workflowTaskTimeoutMs, taskQueue })
    const { id, look } = STUCK[kind](starter)
    const handle = client.workflow.getHandle(id)
    // No step of this name: the workflow's own code throws, which fails its task and not the workflow.
    let first: string | undefined
    const lookAt = async () => {
      const { runId } = await handle.describe()
      first ??= runId
      return runId === first ? { step: 'nowhere' } : { step: 'done', status: 'succeeded' }
    }
    const activities = { lookAtRefund: lookAt, recover: lookAt }
    const worker = await Worker.create({ connection, namespace, taskQueue, workflowBundle, activities })
    await worker.runUntil(async () => {
      look()
      await expect.poll(() => first, { timeout: PATIENCE_MS }).toBeDefined()
      const begunAnew = async () => {
        look()
        return (await handle.describe()).runId !== first
      }
      await expect.poll(begunAnew, { timeout: 2 * PATIENCE_MS, interval: 1_000 }).toBe(true)
      expect(await handle.result()).toEqual({ status: 'succeeded' })
      expect((await client.workflow.getHandle(id, first).describe()).status.name).toBe('TERMINATED')
    })
    await starter.drain()
  },
  4 * PATIENCE_MS,
)
