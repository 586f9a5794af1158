import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { keepProfile, type CpuProfile } from '../ledger/profile.ts'
import { threadSeconds } from './processes.ts'

/** Where a process of another's spends its processor: by its threads, and by the functions of its main one. */

/** Node's own inspector, opened by SIGUSR1; one process of a machine has it at a time. */
const INSPECTOR = 'http://127.0.0.1:9229/json/list'
const OPENS_WITHIN_MS = 5_000
const POLL_MS = 50
/** Threads that used less are not named. */
const NAMED_FROM_S = 0.05

export type ProfileOf = <T>(run: () => Promise<T>) => Promise<T>

export const unprofiled: ProfileOf = (run) => run()

/** Writes `<dir>/payments-<name>-<n>.cpuprofile` for each run, and prints what took most. */
export function profileOf(pid: number, name: string, dir: string): ProfileOf {
  let runs = 0
  return async (run) => {
    runs += 1
    const session = await openInspector(pid)
    try {
      await session.call('Profiler.enable')
      await session.call('Profiler.start')
      const before = threadSeconds(pid)
      const result = await run()
      printThreads(name, before, threadSeconds(pid))
      const { profile } = z.object({ profile: z.custom<CpuProfile>() }).parse(await session.call('Profiler.stop'))
      keepProfile(join(dir, `payments-${name}-${String(runs)}`), name, profile)
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
const Answer = z.object({ id: z.number().optional(), result: z.unknown() })

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
  socket.on('message', (data: Buffer) => {
    const { id, result } = Answer.parse(JSON.parse(data.toString()))
    if (id !== undefined) waiting.get(id)?.(result)
  })
  let last = 0
  return {
    call: (method: string) =>
      new Promise<unknown>((resolve) => {
        last += 1
        waiting.set(last, resolve)
        socket.send(JSON.stringify({ id: last, method }))
      }),
    close: () => socket.close(),
  }
}
