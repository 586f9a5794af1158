import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Done, type Dialect, type Job, type Setup } from './load-messages.ts'

/** All phones, over several processes; each has a loopback address of its own, and so its own range of ports. */
export type Fleet = {
  open(job: { dialect: Dialect; port: number; from: number; to: number; perSecond?: number }): Promise<Done>
  close(from: number, to: number): Promise<Done>
  take(): Promise<Done>
  stop(): void
}

const MAIN = fileURLToPath(new URL('load.ts', import.meta.url))
/** Over all processes: an edge takes up 200 at once. */
const AT_ONCE = 96

export function startFleet(processes: number, setup: Omit<Setup, 'address'>): Fleet {
  const children = Array.from({ length: processes }, (_, i) =>
    fork(MAIN, [JSON.stringify({ ...setup, address: `127.0.0.${i + 2}` })], {
      execArgv: [],
      serialization: 'advanced',
    }),
  )
  const all = async (jobs: (i: number) => Job): Promise<Done> => {
    const done = await Promise.all(children.map((child, i) => tell(child, jobs(i))))
    return done.reduce(merged)
  }
  const part = (from: number, to: number, i: number) => from + Math.round(((to - from) * i) / processes)
  return {
    open: ({ dialect, port, from, to, perSecond = 0 }) =>
      all((i) => ({
        do: 'open',
        dialect,
        port,
        from: part(from, to, i),
        to: part(from, to, i + 1),
        atOnce: Math.max(1, Math.floor(AT_ONCE / processes)),
        perSecond: perSecond / processes,
      })),
    // Whichever process has them.
    close: (from, to) => all(() => ({ do: 'close', from, to })),
    take: () => all(() => ({ do: 'take' })),
    stop: () => {
      for (const child of children) child.disconnect()
    },
  }
}

function tell(child: ChildProcess, job: Job): Promise<Done> {
  return new Promise((resolve, reject) => {
    const gone = (code: number | null) => reject(new Error(`a process of phones ended with code ${code ?? 'none'}`))
    child.once('exit', gone)
    child.once('message', (answer) => {
      child.off('exit', gone)
      resolve(Done.parse(answer))
    })
    child.send(job)
  })
}

function merged(a: Done, b: Done): Done {
  const closed = { ...a.closed }
  for (const [code, n] of Object.entries(b.closed)) closed[code] = (closed[code] ?? 0) + n
  return { open: a.open + b.open, closed, received: [...a.received, ...b.received] }
}
