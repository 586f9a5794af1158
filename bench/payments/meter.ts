import { setTimeout as delay } from 'node:timers/promises'
import { cpus } from 'node:os'
import { machineTicks } from '../ledger/cpu.ts'
import type { Measured } from './measure.ts'
import { cpuSeconds, tree } from './processes.ts'

/** A run, and who had the processor meanwhile. */
export type Sample = Measured & {
  /** CPU of the worker's process for each piece, without what it uses when nothing is asked of it, ms. */
  workerMs: number
  /** Share of the machine's CPU that went to nobody of ours, from 0 to 1. Where it is not near 0, a rate says little. */
  others: number
}

const IDLE_MS = 3_000

/** CPU seconds a second of a process that has nothing to do. */
export async function idleRate(pid: number): Promise<number> {
  const before = cpuSeconds([pid])
  const began = performance.now()
  await delay(IDLE_MS)
  return (cpuSeconds([pid]) - before) / ((performance.now() - began) / 1_000)
}

/** @param ours all processes below these are ours, beside this one's own */
export async function metered(
  worker: { pid: number; idle: number },
  ours: readonly number[],
  run: () => Promise<Measured>,
): Promise<Sample> {
  const pids = () => [...new Set([process.pid, ...ours].flatMap(tree))]
  const [machine, own, own0] = [machineTicks(), cpuSeconds(pids()), cpuSeconds([worker.pid])]
  const began = performance.now()
  const measured = await run()
  const seconds = (performance.now() - began) / 1_000
  const used = cpuSeconds([worker.pid]) - own0 - worker.idle * seconds
  const now = machineTicks()
  const all = now.all - machine.all
  const busy = all === 0 ? 0 : (now.busy - machine.busy) / all
  const mine = (cpuSeconds(pids()) - own) / seconds / cpus().length
  return { ...measured, workerMs: (1_000 * used) / measured.count, others: Math.max(0, busy - mine) }
}
