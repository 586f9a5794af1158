import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

/**
 * Places where a test may kill or freeze this process on purpose. A test arms a step
 * by writing `<dir>/<step>` holding `{"amount":"12345"}` (or `{}` for any payment), or
 * `<dir>/<step>.12345`, of which there may be many at once; the first process to reach it
 * renames the file to `….fired`, writes its pid there and gets SIGKILL, or the armed
 * `"signal":"SIGSTOP"`, under which it stands still until SIGCONT. `"passes":n`: it is
 * passed n times before. Without a directory every call is a no-op; production refuses one.
 */
export const FAILPOINTS = [
  'accept-before-commit',
  'accept-after-commit',
  'reply-sent',
  'started',
  'journal-before-commit',
  'journalled',
  'first-byte-sent',
  'answer-received',
  'outcome-written',
  'awaiting-before-commit',
  'awaiting-written',
  'inquiry-answered',
  'inquiry-written',
  'callback-heard',
  'callback-written',
  'confirmed',
  'release-before-commit',
  'released',
  'published',
  'pushed',
] as const
export type FailpointName = (typeof FAILPOINTS)[number]

const Armed = z.strictObject({
  amount: z.string().optional(),
  passes: z.number().int().min(0).default(0),
  signal: z.enum(['SIGKILL', 'SIGSTOP']).default('SIGKILL'),
})

export type Failpoint = (step: FailpointName, amount: string) => void

export function failpoints(env: { MOORING_ENV: 'test' | 'live'; MOORING_FAILPOINTS?: string | undefined }): Failpoint {
  const dir = env.MOORING_FAILPOINTS
  if (dir === undefined) return () => {}
  if (env.MOORING_ENV !== 'test')
    throw new Error('failpoints exist only where MOORING_ENV is test; unset MOORING_FAILPOINTS')
  return (step, amount) => {
    for (const name of [step, `${step}.${amount}`]) reach(join(dir, name), amount)
  }
}

function reach(path: string, amount: string): void {
  if (!existsSync(path)) return
  let armed: z.infer<typeof Armed>
  try {
    armed = Armed.parse(JSON.parse(readFileSync(path, 'utf8')))
    if (armed.amount !== undefined && armed.amount !== amount) return
    if (armed.passes > 0) {
      replace(path, { ...armed, passes: armed.passes - 1 })
      return
    }
    renameSync(path, `${path}.fired`)
  } catch (error) {
    if (isGone(error)) return // another process was first
    throw error
  }
  replace(`${path}.fired`, { ...armed, pid: process.pid })
  process.kill(process.pid, armed.signal)
}

/** Whole or not there: whoever looks may look at any time. */
function replace(path: string, content: object): void {
  writeFileSync(`${path}.new`, JSON.stringify(content))
  renameSync(`${path}.new`, path)
}

const isGone = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'
