import { z } from 'zod'

/** The control API that every simulator has (running.md), as a client for tests. */

const BookLine = z.object({
  reference: z.string(),
  operation: z.enum(['collect', 'payOut', 'refund']),
  amount: z.string(),
  currency: z.string(),
  account: z.string(),
  effect: z.enum(['moved', 'returned']),
  times_requested: z.number(),
  original: z.string().optional(),
})
export type BookLine = z.infer<typeof BookLine>
const Book = z.object({ data: z.array(BookLine) })
const Made = z.object({ id: z.string() })

/** A fault by its kind, with its parameters. */
export type Fault = { kind: string } & Readonly<Record<string, string | number | boolean>>

export type Control = {
  /** Lines of the rail's own book about a reference, in order. */
  book(reference: string): Promise<BookLine[]>
  /** The next arrivals of a reference, `times` of them or all, meet this. Answers the rule's id. */
  rule(reference: string, fault: Fault, times?: number): Promise<string>
  /** The next inquiry about a reference meets this. */
  ruleForInquiry(reference: string, fault: Fault): Promise<void>
  forget(ruleId: string): Promise<void>
  decide(reference: string, outcome: 'settled' | 'declined'): Promise<void>
  /** `seconds: 0` ends one. */
  outage(seconds: number, mode: 'refuse' | 'hang' | '500'): Promise<void>
  clock(offsetS: number): Promise<void>
}

export function controlOf(url: string, token: string): Control {
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(`${url}/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`)
    return text === '' ? null : JSON.parse(text)
  }
  const makeRule = async (match: object, fault: Fault, times?: number): Promise<string> =>
    Made.parse(await call('POST', 'rules', { match, fault, ...(times === undefined ? {} : { times }) })).id
  return {
    book: async (reference) => Book.parse(await call('GET', `book?reference=${reference}`)).data,
    rule: (reference, fault, times) => makeRule({ reference }, fault, times),
    ruleForInquiry: async (reference, fault) => void (await makeRule({ reference, operation: 'inquire' }, fault, 1)),
    forget: async (ruleId) => void (await call('DELETE', `rules/${ruleId}`)),
    decide: async (reference, outcome) => void (await call('POST', 'decide', { reference, outcome })),
    outage: async (seconds, mode) => void (await call('POST', 'outage', { seconds, mode })),
    clock: async (offsetS) => void (await call('POST', 'clock', { offset_s: offsetS })),
  }
}
