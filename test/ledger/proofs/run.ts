/**
 * `npm run prove:ledger`: the ledger's proofs at full length, one after the other, to the end whatever one finds. Ends
 * with 0 only if all of them hold.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { commandLine } from '../../../tools/command-line.ts'
import { ROOT } from '../../../tools/paths.ts'
import { PROOFS, type Proof } from './list.ts'

const USAGE = `npm run prove:ledger -- [options]
  --only <names>   some of them, with commas between
  --list           names them, with what sets their length, and ends`

const options = { only: { type: 'string' }, list: { type: 'boolean', default: false } } as const
const { isList, chosen } = commandLine(USAGE, (args) => {
  const { list, only } = parseArgs({ args, options }).values
  const names = only?.split(',') ?? PROOFS.map(({ name }) => name)
  const unknown = names.filter((name) => !PROOFS.some((proof) => proof.name === name))
  if (unknown.length > 0) {
    throw new Error(`there is no proof ${unknown.join(', ')}; there are ${PROOFS.map(({ name }) => name).join(', ')}`)
  }
  return { isList: list, chosen: PROOFS.filter(({ name }) => names.includes(name)) }
})
/** Somebody wants it to end. */
let stopped = false

if (isList) for (const proof of chosen) console.log(`${proof.name}  ${lengthOf(proof)}`)
else process.exitCode = await prove()

/** What its environment is, where nobody says otherwise. */
function lengthOf({ env }: Proof): string {
  return Object.entries(env)
    .map(([name, value]) => `${name}=${process.env[name] ?? value}`)
    .join(' ')
}

async function prove(): Promise<number> {
  const lines: string[] = []
  let failed = 0
  for (const proof of chosen) {
    const startedAt = performance.now()
    console.log(`\n${proof.name}: ${lengthOf(proof)}`)
    const holds = await passes(proof)
    const seconds = Math.round((performance.now() - startedAt) / 1_000)
    if (!holds) failed += 1
    lines.push(
      `${proof.name}: ${holds ? 'holds' : stopped ? 'was stopped' : 'FAILED'} (${lengthOf(proof)}, ${String(seconds)} s)`,
    )
    if (stopped) break
  }
  for (const line of lines) console.log(line)
  console.log(`${String(lines.length - failed)} of ${String(chosen.length)} hold`)
  return failed === 0 && lines.length === chosen.length ? 0 : 1
}

/** In Vitest, with its output; it ends its servers by itself when it is told to stop. */
async function passes({ file, env }: Proof): Promise<boolean> {
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs')
  const child = spawn(process.execPath, [vitest, 'run', '--reporter=verbose', file], {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...env, ...process.env },
  })
  const stop = () => {
    stopped = true
    child.kill('SIGTERM')
  }
  const signals = ['SIGINT', 'SIGTERM'] as const
  for (const signal of signals) process.on(signal, stop)
  await once(child, 'close')
  for (const signal of signals) process.off(signal, stop)
  return child.exitCode === 0
}
