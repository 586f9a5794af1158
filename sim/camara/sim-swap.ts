import { z } from 'zod'
import type { Book } from './billing/book.ts'
import { readJson, writeJson } from './billing/json.ts'
import { invalidArgument, say, type Reply } from './billing/replies.ts'

/** CAMARA SIM Swap v1, retrieve-date: null where the operator does not tell. */
const Request = z.strictObject({ phoneNumber: z.string().regex(/^\+[1-9][0-9]{4,14}$/) })

export function simSwapDate(book: Book, body: string): Reply {
  const asked = Request.safeParse(readJson(body)?.value)
  if (!asked.success) return invalidArgument()
  const { simChangedAtMs } = book.subscriber(asked.data.phoneNumber)
  const latestSimChange = simChangedAtMs === null ? null : new Date(simChangedAtMs).toISOString()
  return say(200, writeJson({ latestSimChange }))
}
