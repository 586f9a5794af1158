import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { z } from 'zod'

/** What a child says next; its end is an error. */
export async function said(child: ChildProcess): Promise<unknown> {
  const ended = new AbortController()
  const exit = once(child, 'exit', { signal: ended.signal }).then(() => {
    throw new Error('a process of the bench ended')
  })
  const message = once(child, 'message', { signal: ended.signal })
  try {
    const [first] = z
      .tuple([z.unknown()])
      .rest(z.unknown())
      .parse(await Promise.race([message, exit]))
    return first
  } finally {
    exit.catch(() => {})
    message.catch(() => {})
    ended.abort()
  }
}
