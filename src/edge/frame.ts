import { z } from 'zod'
import { AckFrame, CmdFrame, HelloFrame, PongFrame, TokenFrame } from '../contract/index.ts'
import { err, ok, type Result } from '../domain/result.ts'
import { deeperThan } from '../domain/json-depth.ts'

/**
 * A frame as it comes in. Of a command only what closes the socket is checked
 * here (its id, and that nothing is beside the known fields); `name`, `key` and
 * `body` are answered by a reply, so anything may stand there.
 */
const IncomingCmd = CmdFrame.extend({ name: z.unknown().optional() })

const IncomingFrame = z.discriminatedUnion('t', [HelloFrame, IncomingCmd, TokenFrame, PongFrame, AckFrame])
export type IncomingFrame = z.infer<typeof IncomingFrame>
export type IncomingCmd = z.infer<typeof IncomingCmd>

/** Reads one text frame, or says in a sentence what is wrong with it (close 4500). */
export function readFrame(text: string, maxDepth: number): Result<IncomingFrame, string> {
  if (deeperThan(text, maxDepth)) return err(`nested deeper than ${maxDepth}`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return err('not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return err('not a JSON object')
  if (hasProto(value)) return err('unknown field __proto__')
  const parsed = IncomingFrame.safeParse(value)
  if (parsed.success) return ok(parsed.data)
  const issue = parsed.error.issues[0]
  const where = issue === undefined || issue.path.length === 0 ? 'frame' : issue.path.join('.')
  return err(`${where}: ${issue?.message ?? 'does not fit'}`)
}

/** zod leaves `__proto__` out of what it hands on; in the frame or its cursors it is a field we do not know. */
function hasProto(frame: object): boolean {
  if (Object.hasOwn(frame, '__proto__')) return true
  const feeds: unknown = 'feeds' in frame ? frame.feeds : undefined
  return typeof feeds === 'object' && feeds !== null && Object.hasOwn(feeds, '__proto__')
}
