import { createSecretKey, randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { Client, WorkflowFailedError } from '@temporalio/client'
import { NativeConnection, Worker, bundleWorkflowCode } from '@temporalio/worker'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { FAILURE_CONVERTER_PATH, makeDataConverter, type KeyRing } from '../../src/codec/index.ts'
import { ROOT } from '../../tools/paths.ts'
import { testTemporal } from '../support/run-servers.ts'
import type { listener } from './support/workflows.ts'

/** What Temporal stores and what a worker takes from it, on the real server. */

const SECRET = `canary-${randomUUID()}`
const keyA = createSecretKey(randomBytes(32))
const keyB = createSecretKey(randomBytes(32))
const ringA: KeyRing = { writes: 'a', keys: new Map([['a', keyA]]) }
const ringBA: KeyRing = {
  writes: 'b',
  keys: new Map([
    ['a', keyA],
    ['b', keyB],
  ]),
}
const SILENT = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} }

let connection: NativeConnection
let bundle: { code: string }
let sealed: Client
let plain: Client

beforeAll(async () => {
  const { address, namespace } = testTemporal()
  connection = await NativeConnection.connect({ address })
  bundle = await bundleWorkflowCode({
    workflowsPath: join(ROOT, 'test/codec/support/workflows.ts'),
    failureConverterPath: FAILURE_CONVERTER_PATH,
    logger: SILENT,
  })
  sealed = new Client({ connection, namespace, dataConverter: makeDataConverter(ringA) })
  plain = new Client({ connection, namespace })
})
afterAll(() => connection.close())

/** Runs a worker of the ring over `during`. */
async function working<T>(taskQueue: string, ring: KeyRing, during: () => Promise<T>): Promise<T> {
  const worker = await Worker.create({
    connection,
    namespace: testTemporal().namespace,
    taskQueue,
    workflowBundle: bundle,
    dataConverter: makeDataConverter(ring),
    activities: { echo: (word: string) => Promise.resolve(word) },
    maxCachedWorkflows: 0,
  })
  return worker.runUntil(during)
}

const begin = (client: Client, taskQueue: string, word = SECRET) =>
  client.workflow.start<typeof listener>('listener', {
    taskQueue,
    workflowId: `codec-${randomUUID()}`,
    args: [{ word }],
    memo: { word },
  })

const BYTES = new Set(['data', 'encoding', 'key-id'])

/** The history as Temporal has it, as text, with the bytes of payloads read as text too. */
async function stored(workflowId: string): Promise<string> {
  const history = await plain.workflow.getHandle(workflowId).fetchHistory()
  return JSON.stringify(history, (key, value: unknown) =>
    BYTES.has(key) && typeof value === 'string' ? Buffer.from(value, 'base64').toString() : value,
  )
}

describe('with the codec', () => {
  test('arguments, results, signals, updates, queries, memo and failures reach Temporal encrypted alone', async () => {
    const queue = randomUUID()
    await working(queue, ringA, async () => {
      const handle = await begin(sealed, queue)
      await handle.signal<[string]>('tell', `${SECRET}-signal`)
      expect(await handle.executeUpdate<number, [string]>('resolve', { args: ['fail'] })).toBe(3)
      expect(await handle.query<string[], [string]>('heard', 'q')).toEqual([
        `q:${SECRET}`,
        `q:${SECRET}-signal`,
        'q:fail',
      ])
      expect((await handle.describe()).memo).toEqual({ word: SECRET })
      await handle.signal('end')
      const failure: unknown = await handle.result().catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(WorkflowFailedError)
      expect(failure instanceof WorkflowFailedError && failure.cause?.message).toBe(`failed on ${SECRET}`)
      const history = await stored(handle.workflowId)
      expect(history).toContain('mooring/aes-256-gcm')
      expect(history).not.toContain(SECRET)
      expect(history).not.toContain('workflows.ts')
    })
  })

  test('a history written under the old key goes on under the new one', async () => {
    const queue = randomUUID()
    const handle = await working(queue, ringA, async () => {
      const started = await begin(sealed, queue, 'old')
      await started.query<string[], [string]>('heard', 'q')
      return started
    })
    await working(queue, ringBA, async () => {
      const client = new Client({
        connection,
        namespace: testTemporal().namespace,
        dataConverter: makeDataConverter(ringBA),
      })
      const again = client.workflow.getHandle(handle.workflowId)
      await again.signal<[string]>('tell', 'new')
      await again.signal('end')
      expect(await again.result()).toBe('old new')
    })
  })
})

describe('without it', () => {
  const failedTasks = async (workflowId: string) => {
    const history = await plain.workflow.getHandle(workflowId).fetchHistory()
    return (history.events ?? []).flatMap((event) => {
      const failed = event.workflowTaskFailedEventAttributes
      return failed === undefined || failed === null ? [] : [JSON.stringify(failed.failure)]
    })
  }

  test('a start is refused: not one line of the workflow runs', async () => {
    const queue = randomUUID()
    await working(queue, ringA, async () => {
      const handle = await begin(plain, queue)
      await vi.waitFor(async () => expect(await failedTasks(handle.workflowId)).not.toEqual([]), { timeout: 60_000 })
      const { events } = await handle.fetchHistory()
      expect(events?.filter((event) => event.workflowTaskCompletedEventAttributes)).toEqual([])
      await handle.terminate()
    })
  })

  test('an update is rejected with words that help, and the workflow goes on', async () => {
    const queue = randomUUID()
    await working(queue, ringA, async () => {
      const handle = await begin(sealed, queue, 'calm')
      const updateId = randomUUID()
      await expect(
        plain.workflow
          .getHandle(handle.workflowId)
          .executeUpdate<number, [string]>('resolve', { args: ['forged'], updateId }),
      ).rejects.toThrow()
      const why = sealed.workflow
        .getHandle(handle.workflowId)
        .executeUpdate<number, [string]>('resolve', { args: ['calm'], updateId })
      expect(await why).toBe(2)
      await handle.signal('end')
      expect(await handle.result()).toBe('calm calm')
      expect(await failedTasks(handle.workflowId)).toEqual([])
    })
  })

  test('an update under a key of somebody else is rejected too', async () => {
    const queue = randomUUID()
    await working(queue, ringA, async () => {
      const handle = await begin(sealed, queue, 'calm')
      const stranger = new Client({
        connection,
        namespace: testTemporal().namespace,
        dataConverter: makeDataConverter({ writes: 'a', keys: new Map([['a', keyB]]) }),
      })
      await expect(
        stranger.workflow.getHandle(handle.workflowId).executeUpdate<number, [string]>('resolve', { args: ['forged'] }),
      ).rejects.toThrow()
      await handle.signal('end')
      expect(await handle.result()).toBe('calm')
    })
  })

  test('a query is refused, and what is known stays unsaid', async () => {
    const queue = randomUUID()
    await working(queue, ringA, async () => {
      const handle = await begin(sealed, queue)
      const asked = plain.withDeadline(Date.now() + 10_000, () =>
        plain.workflow.getHandle(handle.workflowId).query<string[], [string]>('heard', 'q'),
      )
      await expect(asked).rejects.toThrow()
      await handle.signal('end')
      expect(await handle.result()).toBe(SECRET)
    })
  })

  test('a signal with an argument is never heard: the workflow stands still until it is terminated', async () => {
    const queue = randomUUID()
    await working(queue, ringA, async () => {
      const handle = await begin(sealed, queue, 'calm')
      await plain.workflow.getHandle(handle.workflowId).signal<[string]>('tell', 'forged')
      await vi.waitFor(async () => expect(await failedTasks(handle.workflowId)).not.toEqual([]), { timeout: 60_000 })
      await handle.terminate()
    })
  })
})
