import { z } from 'zod'
import { BadCall } from './control.ts'

/** Control calls every simulator understands (running.md). */

export const OutageRequest = z.strictObject({
  seconds: z.number().min(0).max(86_400),
  mode: z.enum(['refuse', 'hang', '500']).default('refuse'),
})
export const ClockRequest = z.strictObject({ offset_s: z.number().min(-31_536_000).max(31_536_000) })

/** @throws BadCall naming the first thing wrong. */
export function readCall<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new BadCall(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unreadable'}`)
}
