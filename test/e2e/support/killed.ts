import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Patience } from '../../../tools/demo/patience.ts'
import { identify } from '../../../tools/process/identity.mjs'
import type { Stack } from '../../support/stack.ts'

/** Names of the processes that were ended by kill -9 so far, in order, as the supervisor reports them. */
export function killedSoFar(stack: Stack): string[] {
  return [...stack.output().matchAll(/([a-z]+(?:-[a-z0-9]+)*) was ended by SIGKILL/g)].map(([, name = '']) => name)
}

/** Waits until a process has died at this very step and answers its name: the one that died after the first `earlier`. */
export async function killedAt(
  stack: Stack,
  patience: Patience,
  at: { name: string; step: string },
  earlier: number,
): Promise<string> {
  const fired = join(stack.failpointsDir, `${at.step}.fired`)
  await patience.until(`${at.name}: the step to be reached`, () => (existsSync(fired) ? true : undefined))
  return patience.until(`${at.name}: the process to be gone`, () => killedSoFar(stack)[earlier])
}

/** Waits until the process is ready again under a pid that runs. */
export async function isBack(stack: Stack, patience: Patience, process: string): Promise<number> {
  return patience.until(`${process} to be back`, () => {
    const pid = stack.dev().pids[process]
    return pid === undefined || identify(pid) === undefined ? undefined : pid
  })
}
