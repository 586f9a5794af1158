import { describe, expect, it } from 'vitest'
import { makeNonces } from '../../src/rails/iso20022/nonces.ts'
import { makeSlots } from '../../src/rails/iso20022/slots.ts'

const never = new AbortController().signal

describe('turns at the connections', () => {
  it('are taken in the order they were asked for', async () => {
    const slots = makeSlots(1, 10)
    const order: string[] = []
    const first = await slots.take(never)
    const second = slots.take(never).then((release) => {
      order.push('second')
      release?.()
    })
    const third = slots.take(never).then(() => order.push('third'))
    expect(order).toEqual([])
    first?.()
    await Promise.all([second, third])
    expect(order).toEqual(['second', 'third'])
  })

  it('skip whoever gave up waiting', async () => {
    const slots = makeSlots(1, 10)
    const first = await slots.take(never)
    const deadline = new AbortController()
    const givenUp = slots.take(deadline.signal)
    const next = slots.take(never)
    deadline.abort()
    expect(await givenUp).toBeNull()
    first?.()
    expect(await next).toBeTypeOf('function')
  })

  it('are not queued for without end, nor after the deadline', async () => {
    const slots = makeSlots(1, 1)
    await slots.take(never)
    void slots.take(never)
    expect(await slots.take(never)).toBeNull()
    expect(await makeSlots(1, 1).take(AbortSignal.abort())).toBeNull()
  })

  it('given back twice count once', async () => {
    const slots = makeSlots(1, 0)
    const first = await slots.take(never)
    first?.()
    first?.()
    expect(await slots.take(never)).toBeTypeOf('function')
    expect(await slots.take(never)).toBeNull()
  })
})

it('a nonce is used once while a signature with it could be in time', () => {
  const nonces = makeNonces()
  expect(nonces.use('n', 0)).toBe(true)
  expect(nonces.use('n', 599_999)).toBe(false)
  expect(nonces.use('n', 600_000)).toBe(true)
})
