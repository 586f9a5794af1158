import { describe, expect, it } from 'vitest'
import { Mailbox, type Actor } from '../../src/actor/index.ts'

type Say = { say: string }

/** An actor that writes down what has its turn, and when that is over; what it does meanwhile is the test's. */
function scribe(capacity: number, during: (said: string, post: (...words: string[]) => boolean[]) => void = () => {}) {
  const log: string[] = []
  const actor: Actor<Say> = {
    handle: ({ say }) => {
      log.push(`${say}>`)
      during(say, post)
      log.push(`<${say}`)
    },
    overflowed: () => {
      log.push('overflowed>')
      during('overflowed', post)
      log.push('<overflowed')
    },
    failed: (error) => {
      log.push(`failed: ${error instanceof Error ? error.message : String(error)}`)
      during('failed', post)
    },
  }
  const mailbox = new Mailbox(actor, capacity)
  const post = (...words: string[]) => words.map((say) => mailbox.post({ say }))
  return { log, mailbox, post }
}

describe('a mailbox', () => {
  it('handles at once what is posted to an actor at rest', () => {
    const { log, post } = scribe(0)
    expect(post('a')).toEqual([true])
    expect(log).toEqual(['a>', '<a'])
    post('b')
    expect(log).toEqual(['a>', '<a', 'b>', '<b'])
  })

  it('handles each message to its end before the next, in the order in which they were posted', () => {
    const { log, post } = scribe(9, (said, again) => {
      if (said === 'a') again('b', 'c')
      if (said === 'b') again('d')
    })
    post('a')
    post('e')
    expect(log).toEqual(['a>', '<a', 'b>', '<b', 'c>', '<c', 'd>', '<d', 'e>', '<e'])
  })

  it('keeps as many as it holds and not one more, and says which were not taken', () => {
    const taken: boolean[] = []
    const { log, post } = scribe(2, (said, again) => {
      if (said === 'a') taken.push(...again('b', 'c', 'd', 'e'))
    })
    post('a')
    expect(taken).toEqual([true, true, false, false])
    expect(log).toEqual(['a>', '<a', 'b>', '<b', 'c>', '<c', 'overflowed>', '<overflowed'])
  })

  it('has room again once what waited is handled, and tells each overflow once', () => {
    const { log, post } = scribe(1, (said, again) => {
      if (said === 'a') again('b', 'too much')
      if (said === 'overflowed') again('c')
    })
    post('a')
    post('a')
    const turns = ['a>', '<a', 'b>', '<b', 'overflowed>', '<overflowed', 'c>', '<c']
    expect(log).toEqual([...turns, ...turns])
  })

  it('tells the actor what it failed of, and not who posted; the next message has its turn', () => {
    const { log, post } = scribe(9, (said, again) => {
      if (said === 'a') again('b', 'c')
      if (said === 'b') throw new Error('b broke')
    })
    expect(post('a')).toEqual([true])
    post('d')
    expect(log).toEqual(['a>', '<a', 'b>', 'failed: b broke', 'c>', '<c', 'd>', '<d'])
  })

  it('tells the actor that it failed to overflow', () => {
    const { log, post } = scribe(0, (said, again) => {
      if (said === 'a') again('b')
      if (said === 'overflowed') throw new Error('no way out')
    })
    post('a')
    post('c')
    expect(log).toEqual(['a>', '<a', 'overflowed>', 'failed: no way out', 'c>', '<c'])
  })

  it('stops where failing fails too, and whoever posted hears of it', () => {
    const { log, post } = scribe(9, (said, again) => {
      if (said === 'a') again('b')
      if (said === 'a' || said === 'failed') throw new Error(`${said} broke`)
    })
    expect(() => post('a')).toThrow('failed broke')
    expect(post('c')).toEqual([false])
    expect(log).toEqual(['a>', 'failed: a broke'])
  })

  it.each([
    ['by itself', () => undefined],
    [
      'and fails',
      () => {
        throw new Error('too late')
      },
    ],
  ])('handles nothing any more once it is stopped, also where it stops %s', (_how, then) => {
    const stop: { now?: () => void } = {}
    const { log, mailbox, post } = scribe(1, (said, again) => {
      if (said !== 'a') return
      again('waits', 'too much')
      stop.now?.()
      then()
    })
    stop.now = () => mailbox.stop()
    post('a')
    expect(post('b')).toEqual([false])
    expect(log.filter((line) => line.endsWith('>'))).toEqual(['a>'])
  })

  it('is stopped from outside', () => {
    const { log, mailbox, post } = scribe(1)
    mailbox.stop()
    expect(post('a')).toEqual([false])
    expect(log).toEqual([])
  })
})
