import { describe, expect, it, vi } from 'vitest'
import { Channel } from '../../../clients/mobile/channel.ts'

describe('a channel', () => {
  it('gives a waiting reader the next item and keeps what nobody waits for', async () => {
    const channel = new Channel<number>({ limit: 10, onFull: 'fail', onDone: () => {} })
    const waiting = channel.next()
    channel.push(1)
    channel.push(2)
    expect(await waiting).toEqual({ done: false, value: 1 })
    expect(await channel.next()).toEqual({ done: false, value: 2 })
  })

  it('that is full fails its reader after what it held, once', async () => {
    const channel = new Channel<number>({ limit: 1, onFull: 'fail', onDone: () => {} })
    channel.push(1)
    channel.push(2)
    expect(await channel.next()).toEqual({ done: false, value: 1 })
    await expect(channel.next()).rejects.toMatchObject({ code: 'consumer_too_slow' })
    expect(await channel.next()).toMatchObject({ done: true })
  })

  it('that may skip lets the oldest go', async () => {
    const channel = new Channel<number>({ limit: 2, onFull: 'skip', onDone: () => {} })
    for (const n of [1, 2, 3]) channel.push(n)
    channel.end()
    const read: number[] = []
    for await (const n of channel) read.push(n)
    expect(read).toEqual([2, 3])
  })

  it('tells its owner when the reader leaves the loop', async () => {
    const onDone = vi.fn<() => void>()
    const channel = new Channel<number>({ limit: 2, onFull: 'skip', onDone })
    channel.push(1)
    await channel.next()
    await channel.return()
    expect(onDone).toHaveBeenCalledTimes(1)
    channel.push(2)
    expect(await channel.next()).toMatchObject({ done: true })
  })
})
