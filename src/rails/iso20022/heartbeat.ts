import { z } from 'zod'
import type { HttpReply } from '../common/http-client.ts'
import type { RailHealthAnswer } from '../port.ts'
import { parseJson } from './json.ts'

/** The bank's own word about itself (connectors.md §1.4). */

export const HEARTBEAT_PATH = '/iso20022/heartbeat'

const Heartbeat = z.object({ status: z.enum(['available', 'degraded']) })

/** Reads an answer already known to be the bank's. */
export function readHeartbeat(answer: HttpReply): RailHealthAnswer {
  if (answer.status !== 200) return { kind: 'unavailable', why: `status ${answer.status}` }
  const heartbeat = Heartbeat.safeParse(parseJson(answer.body))
  if (!heartbeat.success) return { kind: 'unavailable', why: 'heartbeat is ill-formed' }
  const { status } = heartbeat.data
  return { kind: status, why: status === 'available' ? null : 'the bank says so' }
}
