import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { keepProfile, type CpuProfile } from '../ledger/profile.ts'
import { threadSeconds } from './processes.ts'

/** Where a process of another's spends its processor: by its threads, and by the functions of those that run JavaScript. */

/** Node's own inspector, opened by SIGUSR1; one process of a machine has it at a time. */
const INSPECTOR = 'http://127.0.0.1:9229/json/list'
const OPENS_WITHIN_MS = 5_000
const POLL_MS = 50
/** Threads that used less are not named. */
const NAMED_FROM_S = 0.05

export type ProfileOf = <T>(run: () => Promise<T>) => Promise<T>

export const unprofiled: ProfileOf = (run) => run()

/** Writes `<dir>/payments-<name>-<n>.cpuprofile` for each run and thread, and prints what took most. */
export function profileOf(pid: number, name: string, dir: string): ProfileOf {
  let runs = 0
  return async (run) => {
    runs += 1
    const session = await openInspector(pid)
    try {
      await session.start()
      const before = threadSeconds(pid)
      const result = await run()
      printThreads(name, before, threadSeconds(pid))
      for (const [i, profile] of (await session.stop()).entries()) {
        const thread = i === 0 ? name : `${name}-worker${String(i)}`
        keepProfile(join(dir, `payments-${thread}-${String(runs)}`), thread, profile)
      }
      return result
    } finally {
      session.close()
    }
  }
}

function printThreads(name: string, before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): void {
  const used = [...after].map(([thread, seconds]) => ({ thread, seconds: seconds - (before.get(thread) ?? 0) }))
  console.log(`\n  ${name}: CPU seconds by thread`)
  for (const { thread, seconds } of used.toSorted((a, b) => b.seconds - a.seconds)) {
    if (seconds >= NAMED_FROM_S) console.log(`    ${seconds.toFixed(2).padStart(6)}  ${thread}`)
  }
}

const Targets = z.tuple([z.object({ webSocketDebuggerUrl: z.string() })]).rest(z.unknown())
const Message = z.object({
  id: z.number().optional(),
  result: z.unknown().optional(),
  method: z.string().optional(),
  params: z.looseObject({ sessionId: z.string(), message: z.string() }).partial().optional(),
})
const Stopped = z.object({ profile: z.custom<CpuProfile>() })

async function openInspector(pid: number) {
  process.kill(pid, 'SIGUSR1')
  const late = performance.now() + OPENS_WITHIN_MS
  let url = ''
  while (url === '') {
    try {
      const [target] = Targets.parse(await (await fetch(INSPECTOR)).json())
      url = target.webSocketDebuggerUrl
    } catch (error) {
      if (performance.now() > late) throw error
      await delay(POLL_MS)
    }
  }
  const socket = new WebSocket(url)
  await once(socket, 'open')
  const waiting = new Map<number, (result: unknown) => void>()
  const workers = new Set<string>()
  let last = 0
  const heard = (text: string): void => {
    const { id, result, method, params } = Message.parse(JSON.parse(text))
    if (id !== undefined) waiting.get(id)?.(result)
    if (method === 'NodeWorker.attachedToWorker' && params?.sessionId !== undefined) workers.add(params.sessionId)
    if (method === 'NodeWorker.receivedMessageFromWorker' && params?.message !== undefined) heard(params.message)
  }
  socket.on('message', (data: Buffer) => heard(data.toString()))
  const answered = (send: (id: number) => object): Promise<unknown> =>
    new Promise((resolve) => {
      last += 1
      waiting.set(last, resolve)
      socket.send(JSON.stringify(send(last)))
    })
  const call = (method: string, params: object = {}) => answered((id) => ({ id, method, params }))
  /** The answer comes wrapped in an event; that it was passed on is answered by itself. */
  const callWorker = (sessionId: string, method: string): Promise<unknown> =>
    answered((id) => {
      last += 1
      const message = JSON.stringify({ id, method })
      return { id: last, method: 'NodeWorker.sendMessageToWorker', params: { sessionId, message } }
    })
  await call('NodeWorker.enable', { waitForDebuggerOnStart: false })
  const threads = [call, ...[...workers].map((id) => (method: string) => callWorker(id, method))]
  return {
    start: async () => {
      for (const thread of threads) {
        await thread('Profiler.enable')
        await thread('Profiler.start')
      }
    },
    /** The main thread's first. */
    stop: async () => {
      const profiles: CpuProfile[] = []
      for (const thread of threads) profiles.push(Stopped.parse(await thread('Profiler.stop')).profile)
      return profiles
    },
    close: () => socket.close(),
  }
}
