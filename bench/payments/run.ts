import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { type DevJson, readDevJson } from '../../tools/dev-json.ts'
import { ROOT } from '../../tools/paths.ts'
import { startStack } from '../../test/support/stack.ts'
import { Measured, measure, median } from './measure.ts'
import { type BenchPhone, benchPhone } from './phones.ts'
import { descendantsPssKb } from './memory.ts'

/**
 * A whole bank payment through the socket against a bare workflow on the same
 * Temporal, in turn: bare, ours, bare, ours … The figure is the ratio, round by round.
 */

const IN_FLIGHT = 32
const PHONES = 32

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      data: { type: 'string' },
      rounds: { type: 'string', default: '3' },
      count: { type: 'string', default: '640' },
      idle: { type: 'string', default: '100' },
    },
  })
  const [rounds, count, idle] = [Number(values.rounds), Number(values.count), Number(values.idle)]
  const stack = values.data === undefined ? await startStack({ env: { MOORING_EXPRESS: 'off' } }) : undefined
  const dev = stack?.dev() ?? running(values.data ?? '')
  const bare = await startBare(dev)
  const phones = await Promise.all(Array.from({ length: PHONES }, (_, i) => benchPhone(dev, i)))
  try {
    await bare.run({ count: 200, inFlight: IN_FLIGHT })
    await ours(phones, 160, IN_FLIGHT)
    const results = []
    for (let round = 0; round < rounds; round++) {
      const result = {
        bare: await bare.run({ count, inFlight: IN_FLIGHT }),
        ours: await ours(phones, count, IN_FLIGHT),
        bareIdle: await bare.run({ count: idle, inFlight: 1 }),
        oursIdle: await ours(phones.slice(0, 1), idle, 1),
      }
      results.push(result)
      print(`round ${String(round + 1)}`, result)
    }
    const ratios = {
      throughput: median(results.map((r) => r.ours.perSecond / r.bare.perSecond)),
      idleP50: median(results.map((r) => r.oursIdle.p50Ms / r.bareIdle.p50Ms)),
    }
    console.log(
      `\n  throughput at ${String(IN_FLIGHT)} in flight, ours / bare   ${ratios.throughput.toFixed(2)}   (at least 0.50)`,
    )
    console.log(`  idle p50, ours / bare                     ${ratios.idleP50.toFixed(2)}   (at most 2.50)`)
    const pssMb = Math.round(descendantsPssKb(stack?.pid ?? dev.pids['postgres'] ?? 0) / 1_024)
    if (stack !== undefined) console.log(`  all processes, PSS                        ${String(pssMb)} MB`)
    save({ machine: machine(), rounds: results, ratios, ...(stack === undefined ? {} : { pssMb }) })
  } finally {
    await Promise.all(phones.map((phone) => phone.close()))
    bare.stop()
    await stack?.stop()
  }
}

async function ours(phones: readonly BenchPhone[], count: number, inFlight: number): Promise<Measured> {
  const each = Math.ceil(count / phones.length)
  await Promise.all(phones.map((phone) => phone.prepare(each)))
  const left = phones.map(() => each)
  const measured = await measure(each * phones.length, inFlight, async (worker) => {
    // A worker keeps to its phone and helps out at others once that one is done.
    const order = phones.map((_, i) => (worker + i) % phones.length)
    const free = order.find((i) => (left[i] ?? 0) > 0) ?? 0
    left[free] = (left[free] ?? 0) - 1
    await phones[free]?.payOne()
  })
  return measured
}

async function startBare(dev: DevJson) {
  const child = fork(
    fileURLToPath(new URL('./bare.ts', import.meta.url)),
    [dev.temporal.address, dev.temporal.namespace],
    {
      execPath: process.execPath,
    },
  )
  await once(child, 'message')
  return {
    async run(job: { count: number; inFlight: number }): Promise<Measured> {
      child.send(job)
      return z.tuple([Measured]).parse((await once(child, 'message')).slice(0, 1))[0]
    },
    stop: () => void child.kill('SIGKILL'),
  }
}

function running(data: string): DevJson {
  const dev = readDevJson(data)
  if (dev === undefined) throw new Error(`there is no running Mooring in ${data}`)
  return dev
}

function print(title: string, result: Record<'bare' | 'ours' | 'bareIdle' | 'oursIdle', Measured>): void {
  const row = (name: string, m: Measured) =>
    `  ${name.padEnd(28)}${m.perSecond.toFixed(1).padStart(8)}/s   p50 ${m.p50Ms.toFixed(1).padStart(7)} ms   p99 ${m.p99Ms.toFixed(1).padStart(7)} ms`
  console.log(`\n${title}`)
  console.log(row(`bare workflow, ${String(IN_FLIGHT)} in flight`, result.bare))
  console.log(row(`bank payment, ${String(IN_FLIGHT)} in flight`, result.ours))
  console.log(row('bare workflow, one at a time', result.bareIdle))
  console.log(row('bank payment, one at a time', result.oursIdle))
}

function machine() {
  const [cpu] = cpus()
  return { cores: cpus().length, cpu: cpu?.model ?? 'unknown', node: process.version, at: new Date().toISOString() }
}

function save(result: object): void {
  const dir = join(ROOT, 'bench', 'results')
  mkdirSync(dir, { recursive: true })
  const path = join(dir, 'payments.json')
  writeFileSync(path, `${JSON.stringify(result, null, 2)}\n`)
  console.log(
    `\n  written to ${path.slice(ROOT.length).replace(/^\//, '')} (${String(readFileSync(path).length)} bytes)`,
  )
}
