import { describe, expect, it } from 'vitest'
import { ABNORMAL, afterEnd } from '../../../clients/mobile/close-policy.ts'
import { CLOSE } from '../../../src/contract/index.ts'

const end = (code: number) => ({ code, reason: '', error: null })

describe('after a socket has ended', () => {
  it('with 4000–4499, or without a word, the client comes back', () => {
    const codes = [ABNORMAL, 1001, 1011, ...Array.from({ length: 500 }, (_, i) => 4000 + i)]
    expect(codes.filter((code) => afterEnd(end(code), false).do !== 'reconnect')).toEqual([])
  })

  it('with 4500–4999 it stops, but for a first 4501', () => {
    const codes = Array.from({ length: 500 }, (_, i) => 4500 + i)
    expect(codes.filter((code) => afterEnd(end(code), false).do !== 'stop')).toEqual([CLOSE.unauthenticated])
    expect(codes.filter((code) => afterEnd(end(code), true).do !== 'stop')).toEqual([])
    expect(afterEnd(end(4505), false)).toMatchObject({ error: { code: 'session_refused', closeCode: 4505 } })
  })

  it('for want of a good token it brings a new one', () => {
    expect(afterEnd(end(CLOSE.tokenExpired), false)).toEqual({ do: 'reconnect', newToken: true, soon: true })
    expect(afterEnd(end(CLOSE.unauthenticated), false)).toEqual({ do: 'reconnect', newToken: true, soon: true })
    expect(afterEnd(end(CLOSE.overloaded), false)).toEqual({ do: 'reconnect', newToken: false, soon: false })
  })

  it('stops with the error the server gave before it closed', () => {
    const error = {
      code: 'forbidden',
      message: 'revoked',
      retryable: false,
      retry_after_ms: null,
      request_id: 'r',
    } as const
    expect(afterEnd({ ...end(4504), error }, false)).toMatchObject({ error: { code: 'forbidden', message: 'revoked' } })
  })
})
