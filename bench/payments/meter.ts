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
  /** CPU of each of our processes for each piece, ms, those below it included. */
  cpuMs: Record<string, number>
}

/** What is metered: the worker by itself, and everything that is ours by its name, processes below each included. */
export type Metered = { worker: { pid: number; idle: number }; ours: Readonly<Record<string, number>> }

const IDLE_MS = 3_000

/** CPU seconds a second of a process that has nothing to do. */
export async function idleRate(pid: number): Promise<number> {
  const before = cpuSeconds([pid])
  const began = performance.now()
  await delay(IDLE_MS)
  return (cpuSeconds([pid]) - before) / ((performance.now() - began) / 1_000)
}

/** Runs something and reads the meters around it. */
export async function metered({ worker, ours }: Metered, run: () => Promise<Measured>): Promise<Sample> {
  const read = () => ({
    machine: machineTicks(),
    worker: cpuSeconds([worker.pid]),
    ours: Object.entries(ours).map(([name, pid]) => [name, cpuSeconds(tree(pid))] as const),
    bench: process.cpuUsage(),
  })
  const before = read()
  const began = performance.now()
  const measured = await run()
  const seconds = (performance.now() - began) / 1_000
  const after = read()
  const { user, system } = process.cpuUsage(before.bench)
  const used = [
    ...after.ours.map(([name, cpu], i) => [name, cpu - (before.ours[i]?.[1] ?? 0)] as const),
    ['bench', (user + system) / 1_000_000] as const,
  ]
  const all = after.machine.all - before.machine.all
  const busy = all === 0 ? 0 : (after.machine.busy - before.machine.busy) / all
  const mine = used.reduce((sum, [, cpu]) => sum + cpu, 0) / seconds / cpus().length
  const perPiece = (cpu: number) => (1_000 * cpu) / measured.count
  return {
    ...measured,
    workerMs: perPiece(after.worker - before.worker - worker.idle * seconds),
    others: Math.max(0, busy - mine),
    cpuMs: Object.fromEntries(used.map(([name, cpu]) => [name, perPiece(cpu)])),
  }
}
