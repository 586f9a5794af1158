import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { devPorts } from '../../../src/proc/dev/ports.ts'
import type { DevJson } from '../../../tools/dev-json.ts'
import type { Stack } from '../../support/stack.ts'

/** Memory of each hub over time, and how soon the edge had an answer to each command (its own metrics). */

/** A process's resident memory, MiB. */
export function residentMiB(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  if (kib === undefined) throw new Error(`nothing says how much memory ${pid} has`)
  return Math.round(Number(kib) / 1_024)
}

/** Of all hubs together, the one with the most. */
export function hubMiB(stack: Stack): number {
  const hubs = Object.entries(stack.dev().pids).filter(([name]) => /^hub-\d+$/.test(name))
  return Math.max(...hubs.map(([, pid]) => residentMiB(pid)))
}

/** Looks every second until `stop`, which answers what was seen. */
export function watchMemory(stack: Stack): { stop(): Promise<number[]> } {
  const stopping = new AbortController()
  const seen: number[] = []
  const watching = (async () => {
    while (!stopping.signal.aborted) {
      seen.push(hubMiB(stack))
      await delay(1_000, undefined, { signal: stopping.signal }).catch(() => {})
    }
  })()
  // `stop` says it; until then a failure is not an unhandled one.
  watching.catch(() => {})
  return {
    async stop() {
      stopping.abort()
      await watching
      return seen
    },
  }
}

/** Answers by the upper bound of the time they took, seconds, each including the faster ones. */
export type Answers = ReadonlyMap<number, number>

const BUCKET = /^mooring_edge_command_seconds_bucket\{.*le="([^"]+)".*\} (\d+)$/gm

export async function answersSoFar(dev: DevJson): Promise<Answers> {
  const offset = Number(new URL(dev.edge[0] ?? '').port) - devPorts(0).edge(0)
  const response = await fetch(`http://127.0.0.1:${devPorts(offset).edgePrivate(0)}/metrics`)
  const text = await response.text()
  const of = (bound: string) => (bound === '+Inf' ? Infinity : Number(bound))
  return new Map([...text.matchAll(BUCKET)].map(([, bound = '', count]) => [of(bound), Number(count)]))
}

/** Between two looks: how many, and the least bound under which this share of them is, ms. */
export function quantileMs(before: Answers, after: Answers, share: number): { count: number; withinMs: number } {
  const since = [...after].map(([bound, count]) => [bound, count - (before.get(bound) ?? 0)] as const)
  const count = since.find(([bound]) => bound === Infinity)?.[1] ?? 0
  const within = since.toSorted(([a], [b]) => a - b).find(([, so]) => so >= share * count)?.[0] ?? Infinity
  return { count, withinMs: within * 1_000 }
}
