import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ALL_WELL, demo } from '../support/demo.ts'
import { startStack, type Stack } from '../support/stack.ts'

/** Which process is killed while which scene is on its way. */
const KILLS: [name: string, scene: number][] = [
  ['edge-0', 2],
  ['relay-0', 6],
  ['bridge-0', 3],
  ['sim-bank', 1],
  ['sim-camara', 4],
  ['sim-gsma', 5],
  ['nats', 6],
  ['temporal', 3],
  ['hub-0', 7],
  ['postgres', 10],
  ['sim-bank', 11],
  ['ops-0', 12],
  ['temporal', 12],
  ['hub-0', 13],
]

describe('npm run demo while a process is killed', () => {
  let stack: Stack

  beforeAll(async () => {
    stack = await startStack()
  })

  afterAll(() => stack.stop())

  it.each(KILLS)('exits 0 while %s is killed during scene %i', async (name, scene) => {
    let killed: number | undefined
    const { code, output } = await demo(stack.dataDir, (seen) => {
      if (killed === undefined && seen.includes(`\n${String(scene).padStart(2)}  `)) killed = stack.kill(name)
    })
    expect(output).toContain(ALL_WELL)
    expect(code).toBe(0)
    expect(await stack.waitForPid(name, killed ?? -1)).not.toBe(killed)
  })
})
