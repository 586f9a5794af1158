import { describe, expect, it } from 'vitest'
import { okReply, refusalReply } from '../../src/bus/index.ts'
import { KnownKeys } from '../../src/bridge/known-keys.ts'
import { BRIDGE_LIMITS } from '../../src/bridge/limits.ts'
import { refuse } from '../../src/domain/refusal.ts'

const unauthenticated = refusalReply(refuse('unauthenticated', 'Said by the test.'), 'req_1')

describe('known keys', () => {
  const make = () => new KnownKeys({ now: () => 0, monotonic: () => 0 })

  it('are so many at most: the one used least recently is forgotten', async () => {
    const keys = make()
    for (let i = 0; i < BRIDGE_LIMITS.keys_known; i++) keys.hear(`key-${i}`, okReply({}))
    keys.hear('key-0', okReply({}))
    keys.hear('one more', okReply({}))
    const known = ['key-0', 'key-1', 'key-2', 'one more'].map((key) => keys.isGood(key))
    expect(await Promise.all(known)).toEqual([true, false, true, true])
  })

  it('are waited for while a hub is asked, and not once it has spoken', async () => {
    const keys = make()
    const end = keys.ask('a')
    const waiting = keys.isGood('a')
    keys.hear('a', unauthenticated)
    expect([await waiting, await keys.isGood('a')]).toEqual([false, false])
    keys.ask('a')
    end() // of the question before
    const next = keys.isGood('a')
    keys.hear('a', okReply({}))
    expect(await next).toBe(true)
  })

  it('are not waited for where nothing will be heard', async () => {
    const keys = make()
    const end = keys.ask('a')
    const waiting = keys.isGood('a')
    end()
    expect([await waiting, await keys.isGood('a')]).toEqual([false, false])
  })
})
