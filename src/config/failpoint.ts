import { existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

/**
 * Places where a test may kill or freeze this process on purpose. A test arms a step
 * by writing `<dir>/<step>` holding `{"amount":"12345"}` (or `{}` for any payment);
 * the first process to reach it renames the file to `<step>.fired` and gets SIGKILL,
 * or the armed `"signal":"SIGSTOP"`, under which it stands still until SIGCONT.
 * Without a directory every call is a no-op; production refuses one.
 */
export const FAILPOINTS = [
  'accept-before-commit',
  'accept-after-commit',
  'reply-sent',
  'started',
  'journalled',
  'first-byte-sent',
  'answer-received',
  'outcome-written',
  'confirmed',
  'published',
  'pushed',
] as const
export type FailpointName = (typeof FAILPOINTS)[number]

const Armed = z.strictObject({
  amount: z.string().optional(),
  signal: z.enum(['SIGKILL', 'SIGSTOP']).default('SIGKILL'),
})

export type Failpoint = (step: FailpointName, amount: string) => void

export function failpoints(env: { MOORING_ENV: 'test' | 'live'; MOORING_FAILPOINTS?: string | undefined }): Failpoint {
  const dir = env.MOORING_FAILPOINTS
  if (dir === undefined) return () => {}
  if (env.MOORING_ENV !== 'test')
    throw new Error('failpoints exist only where MOORING_ENV is test; unset MOORING_FAILPOINTS')
  return (step, amount) => {
    const path = join(dir, step)
    if (!existsSync(path)) return
    const armed = Armed.parse(JSON.parse(readFileSync(path, 'utf8')))
    if (armed.amount !== undefined && armed.amount !== amount) return
    try {
      renameSync(path, `${path}.fired`)
    } catch {
      return // another process was first
    }
    process.kill(process.pid, armed.signal)
  }
}
