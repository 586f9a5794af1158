import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { FailpointName } from '../../src/config/failpoint.ts'
import type { Stack } from '../support/stack.ts'

/** A hub that was struck: its name, and when. */
export type Hit = { hub: string; pid: number; atMs: number }

const Fired = z.object({ pid: z.number().int() })

/** Arms a failpoint for the payment over this amount alone; many can be armed at once. Brings its path. */
export function arm(
  { failpointsDir }: Stack,
  at: { step: FailpointName; signal: 'SIGKILL' | 'SIGSTOP'; passes?: number },
  amountMinor: bigint,
): string {
  const path = join(failpointsDir, `${at.step}.${amountMinor}`)
  writeFileSync(`${path}.arming`, JSON.stringify({ signal: at.signal, passes: at.passes ?? 0 }))
  renameSync(`${path}.arming`, path)
  return path
}

/** The hub that was struck at an armed failpoint; null while none was. */
export function firedAt(stack: Stack, path: string): Hit | null {
  const fired = `${path}.fired`
  if (!existsSync(fired)) return null
  const said = Fired.safeParse(JSON.parse(readFileSync(fired, 'utf8')))
  if (!said.success) return null
  const { pid } = said.data
  const hub = Object.entries(stack.dev().pids).find(([, one]) => one === pid)?.[0]
  if (hub === undefined) throw new Error(`nobody has the pid ${pid} that was struck`)
  return { hub, pid, atMs: statSync(fired).mtimeMs }
}
