import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROOT } from '../../tools/paths.ts'
import { startStack, type Stack } from '../support/stack.ts'

/** Runs the demo; `onOutput` sees all it has printed so far, each time there is more. */
function demo(
  dataDir: string,
  onOutput: (output: string) => void = () => {},
): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, [join(ROOT, 'tools/demo.ts'), '--data', dataDir], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      onOutput(output)
    })
  }
  return new Promise((resolve) => child.once('close', (code) => resolve({ code: code ?? 1, output })))
}

/** Which process is killed while which payment is on its way. */
const KILLS: [name: string, payment: number][] = [
  ['edge-0', 2],
  ['relay-0', 4],
  ['bridge-0', 3],
  ['sim-bank', 1],
  ['sim-camara', 1],
  ['nats', 4],
  ['temporal', 3],
  ['hub-0', 5],
  ['postgres', 7],
]

describe('npm run demo', () => {
  let stack: Stack

  beforeAll(async () => {
    stack = await startStack()
  })

  afterAll(() => stack.stop())

  it('pays in every way and exits 0, within 96 columns and without colour where nobody looks', async () => {
    const { code, output } = await demo(stack.dataDir)
    expect(output).toContain('All 7 payments ended as they should')
    expect(code).toBe(0)
    expect(output).not.toContain('\u001b')
    expect(output.split('\n').filter((line) => line.length > 96)).toEqual([])
  })

  it.each(KILLS)('exits 0 while %s is killed during payment %i', async (name, payment) => {
    let killed: number | undefined
    const { code, output } = await demo(stack.dataDir, (seen) => {
      if (killed === undefined && seen.includes(`\n ${payment}  `)) killed = stack.kill(name)
    })
    expect(output).toContain('All 7 payments ended as they should')
    expect(code).toBe(0)
    expect(await stack.waitForPid(name, killed ?? -1)).not.toBe(killed)
  })

  it('exits 1 with a sentence when a payment does not end as it should', async () => {
    const { bank } = stack.dev().sim
    const rule = {
      match: { operation: 'collect', amount: '8790' },
      fault: { kind: 'decline', reason: 'AC04' },
      times: 1,
    }
    const answer = await fetch(`${bank.control}/rules`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bank.control_token}`, 'content-type': 'application/json' },
      body: JSON.stringify(rule),
    })
    expect(answer.status).toBe(201)
    const { code, output } = await demo(stack.dataDir)
    expect(output).toMatch(/surprise\. pay_\w{22} should have ended succeeded and ended failed · source_not_usable\./)
    expect(code).toBe(1)
  })

  it('exits 1 and says what to do where nothing runs', async () => {
    const { code, output } = await demo(join(stack.dataDir, 'nothing-here'))
    expect(output).toContain('npm start')
    expect(code).toBe(1)
  })
})
