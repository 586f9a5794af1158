import { describe, expect, it, vi } from 'vitest'
import { generateDeviceKey, type Saved, type SessionStatus } from '../../../clients/mobile/index.ts'
import { connectTo, payment, startServer, take, wireError } from './harness.ts'
import { hurried, USER } from './scripted-server.ts'

const balance = (available: string) => ({ currency: 'KES', available, pending: '0' })

describe('a session', () => {
  it('starts from a snapshot and follows live events, to every reader', async () => {
    const server = await startServer()
    server.state = { payments: [payment(1)], balances: [balance('500')] }
    const client = await connectTo(server)
    await vi.waitFor(() => expect(client.balances.get('KES')?.available).toBe('500'), 10_000)
    expect(client.payments.get(payment(1).id)?.version).toBe(1)
    const [first, second] = [client.events(), client.events()]
    server.push('payment.updated', payment(2))
    server.push('balance.updated', balance('400'))
    for (const reader of [first, second]) {
      const events = await take(reader, 2)
      expect(events.map(({ name, seq }) => [name, seq])).toEqual([
        ['payment.updated', 1],
        ['balance.updated', 2],
      ])
    }
    expect(client.balances.get('KES')?.available).toBe('400')
  })

  it.each([
    ['a reset connection', undefined],
    ['4000', 4000],
    ['4005 overloaded', 4005],
    ['4499', 4499],
  ])('comes back after %s and misses nothing', async (_, code) => {
    const server = await startServer()
    const client = await connectTo(server)
    const events = client.events()
    server.push('balance.updated', balance('1'))
    await take(client.events(), 0)
    await vi.waitFor(() => expect(client.balances.get('KES')?.available).toBe('1'), 10_000)
    server.drop(code)
    server.commitUnseen('balance.updated', balance('2'))
    server.commitUnseen('balance.updated', balance('3'))
    const seen = await take(events, 3)
    expect(seen.map(({ seq }) => seq)).toEqual([1, 2, 3])
    expect(server.hellos.at(-1)?.feeds).toEqual({ [USER]: { epoch: 'e1', seq: 1, pos: 'p1' } })
    expect(client.balances.get('KES')?.available).toBe('3')
  })

  it('drops what a replay brings a second time', async () => {
    const server = await startServer()
    const client = await connectTo(server)
    const events = client.events()
    for (const n of ['1', '2', '3']) server.push('balance.updated', balance(n))
    server.sendEvent(2)
    server.sendEvent(1)
    server.push('balance.updated', balance('4'))
    const seen = await take(events, 4)
    expect(seen.map(({ seq }) => seq)).toEqual([1, 2, 3, 4])
    expect(client.balances.get('KES')?.available).toBe('4')
    expect(server.hellos).toHaveLength(1)
  })

  it('does not step over a hole: it resumes from where it was', async () => {
    const server = await startServer()
    const client = await connectTo(server)
    const events = client.events()
    server.push('balance.updated', balance('1'))
    server.commitUnseen('balance.updated', balance('2'))
    server.push('balance.updated', balance('3'))
    const seen = await take(events, 3)
    expect(seen.map(({ seq }) => seq)).toEqual([1, 2, 3])
    expect(server.hellos).toHaveLength(2)
    expect(client.balances.get('KES')?.available).toBe('3')
  })

  it('notices by the heads of two pings that an event never came', async () => {
    const server = await startServer()
    const client = await connectTo(server)
    server.commitUnseen('balance.updated', balance('7'))
    server.send({ t: 'ping', n: 1, nonce: 'x', heads: { [USER]: 1 } })
    server.send({ t: 'ping', n: 2, nonce: 'x', heads: { [USER]: 1 } })
    await vi.waitFor(() => expect(client.balances.get('KES')?.available).toBe('7'), 10_000)
    expect(server.pongs).toEqual([1, 2])
  })

  it('replaces its state by a snapshot in parts after another epoch, never lowering a version', async () => {
    const server = await startServer()
    const gone = payment(1, { id: 'pay_0000000000000000000002' })
    server.state = { payments: [payment(5), gone], balances: [balance('10')] }
    server.onCommand = (cmd, reply) => {
      if (cmd.name === 'payment.get') reply({ ok: true, body: { ...gone, version: 2, status: 'succeeded' } })
    }
    const client = await connectTo(server)
    await vi.waitFor(() => expect(client.payments.size).toBe(2), 10_000)
    server.restartFeed('e2')
    server.snapshotParts = [{ payments: [payment(4)] }, { balances: [balance('20')] }]
    const events = client.events()
    server.drop()
    expect(await take(events, 1)).toEqual([{ name: 'snapshot', feed: USER, seq: 0 }])
    expect(client.balances.get('KES')?.available).toBe('20')
    expect(client.payments.get(payment(1).id)?.version).toBe(5)
    // The other one ended unseen: it is asked for.
    await vi.waitFor(() => expect(client.payments.get(gone.id)?.status).toBe('succeeded'), 10_000)
  })

  it('gets a new token when the old one is no longer good (4501 once, 4007)', async () => {
    const server = await startServer()
    const client = await connectTo(server)
    server.revokeTokens()
    server.drop()
    await vi.waitFor(() => expect(server.tokensIssued).toBe(2), 10_000)
    await vi.waitFor(() => expect(client.status).toBe('ready'), 10_000)
    server.drop(4007)
    await vi.waitFor(() => expect(server.tokensIssued).toBe(3), 10_000)
    await vi.waitFor(() => expect(client.status).toBe('ready'), 10_000)
  })

  it('stops for good on a second 4501, on 4504 and where the device is not known', async () => {
    const server = await startServer()
    server.onHello = () => 4501
    await expect(connectTo(server)).rejects.toMatchObject({ code: 'session_refused', closeCode: 4501 })
    expect(server.hellos).toHaveLength(2)

    const second = await startServer()
    const client = await connectTo(second)
    const events = client.events()
    second.send({ t: 'error', error: wireError('forbidden') })
    second.drop(4504)
    await expect(events.next()).rejects.toMatchObject({ code: 'forbidden', closeCode: 4504 })
    await expect(client.command('wallet.balances', {})).rejects.toMatchObject({ code: 'forbidden' })
    expect(client.status).toBe('closed')

    const third = await startServer()
    third.tokenStatus = 401
    await expect(connectTo(third)).rejects.toMatchObject({ code: 'unauthenticated' })
    expect(third.hellos).toHaveLength(0)
  })

  it('waits for a server that is not there yet', async () => {
    const server = await startServer()
    server.tokenStatus = 503
    const connecting = connectTo(server)
    setTimeout(() => {
      server.tokenStatus = 200
    }, 50)
    expect((await connecting).status).toBe('ready')
  })

  it('gives up connecting after its deadline, and says so', async () => {
    const server = await startServer()
    server.onHello = () => 4005
    await expect(connectTo(server, { deadline_ms: 2_000 })).rejects.toMatchObject({
      code: 'connection_lost',
      retryable: true,
    })
  })

  it('takes silence beyond the heartbeat for a dead network', async () => {
    const server = await startServer()
    server.heartbeatMs = 1_000
    const statuses: SessionStatus[] = []
    await connectTo(server, { onStatus: (status) => statuses.push(status) })
    await vi.waitFor(() => expect(statuses.slice(0, 3)).toEqual(['ready', 'connecting', 'ready']), 5_000)
    expect(server.hellos.length).toBeGreaterThanOrEqual(2)
  })

  it('drops a socket that talks nonsense and comes back', async () => {
    const server = await startServer()
    const client = await connectTo(server)
    server.sendText('{"t":"event","feed":1}')
    await vi.waitFor(() => expect(server.hellos).toHaveLength(2), 10_000)
    await vi.waitFor(() => expect(client.status).toBe('ready'), 10_000)
  })

  it('brings a newer token at a ping shortly before its own ends, and stays', async () => {
    const server = await startServer()
    server.tokenLifeS = 70 // ten seconds of which a client uses
    const client = await connectTo(server)
    server.send({ t: 'ping', n: 1, nonce: 'nonce-of-ping-1', heads: { [USER]: 0 } })
    await vi.waitFor(() => expect(server.pongs).toEqual([1]), 10_000)
    let n = 1
    await vi.waitFor(() => {
      n += 1
      server.send({ t: 'ping', n, nonce: `nonce-of-ping-${n}`, heads: { [USER]: 0 } })
      expect(server.refreshes.length).toBeGreaterThan(0)
    }, 10_000)
    expect(server.refreshes[0]).toMatchObject({ token: 'token-2', good: true })
    expect(server.refreshes[0]?.nonce).toMatch(/^nonce-of-ping-[0-9]+$/)
    expect(server.hellos).toHaveLength(1)
    expect(client.status).toBe('ready')
  })

  it('stays as it is where no newer token is to be had', async () => {
    const server = await startServer()
    server.tokenLifeS = 60 // over at once, to a client
    const client = await connectTo(server)
    server.tokenStatus = 503
    server.send({ t: 'ping', n: 1, nonce: 'nonce-of-ping-1', heads: { [USER]: 0 } })
    await vi.waitFor(() => expect(server.pongs).toEqual([1]), 10_000)
    expect(server.refreshes).toEqual([])
    expect(client.status).toBe('ready')
  })

  it('moves when asked to (goaway), answers still coming on the old socket', async () => {
    const server = await startServer()
    const statuses: SessionStatus[] = []
    const client = await connectTo(server, { onStatus: (status) => statuses.push(status) })
    let answer: (() => void) | undefined
    server.onCommand = (_, reply) => {
      if (server.commands.length === 1) answer = () => reply({ ok: true, body: { data: [balance('9')] } })
      else reply({ ok: true, body: { data: [] } })
    }
    const held = client.command('wallet.balances', {})
    await vi.waitFor(() => expect(server.commands).toHaveLength(1), 10_000)
    server.send({ t: 'goaway', reconnect_after_ms: 2_000, reason: 'drain' })
    await vi.waitFor(() => expect(client.status).toBe('draining'), 10_000)
    const later = client.command('wallet.balances', {})
    answer?.()
    expect((await held).data).toEqual([balance('9')])
    expect((await later).data).toEqual([])
    expect(server.hellos).toHaveLength(2)
    expect(statuses).toEqual(['ready', 'draining', 'connecting', 'ready'])
  })

  it('resumes with what a store kept, as if it had never been away', async () => {
    const server = await startServer()
    let kept: Saved | null = null
    const store = { load: async () => kept, save: async (saved: Saved) => void (kept = structuredClone(saved)) }
    const key = await generateDeviceKey()
    server.state = { payments: [payment(1)], balances: [balance('5')] }
    const before = await connectTo(server, { store, key })
    await vi.waitFor(() => expect(before.payments.size).toBe(1), 10_000)
    server.push('payment.updated', payment(2))
    await vi.waitFor(() => expect(before.payments.get(payment(1).id)?.version).toBe(2), 10_000)
    await before.close()
    server.commitUnseen('payment.updated', payment(3, { status: 'succeeded' }))
    const after = await connectTo(server, { store, key })
    await vi.waitFor(() => expect(after.payments.get(payment(1).id)?.version).toBe(3), 10_000)
    expect(after.balances.get('KES')?.available).toBe('5')
    expect(server.hellos.at(-1)?.feeds?.[USER]).toEqual({ epoch: 'e1', seq: 1, pos: 'p1' })
  })

  it('fails a reader that falls behind instead of losing events unseen', async () => {
    const server = await startServer()
    const client = await connectTo(server)
    const slow = client.events({ buffer: 2 })
    for (const n of ['1', '2', '3']) server.push('balance.updated', balance(n))
    await vi.waitFor(() => expect(client.balances.get('KES')?.available).toBe('3'), 10_000)
    const seen: unknown[] = []
    const reading = (async () => {
      for await (const event of slow) seen.push(event)
    })()
    await expect(reading).rejects.toMatchObject({ code: 'consumer_too_slow' })
    expect(seen).toHaveLength(2)
  })

  it('closes cleanly: readers finish, commands in flight fail with what is known of them', async () => {
    const server = await startServer()
    const client = await connectTo(server)
    const events = client.events()
    const sent = client.command('payment.cancel', { payment: payment(1).id })
    const settled = Promise.allSettled([sent])
    await vi.waitFor(() => expect(server.commands).toHaveLength(1), 10_000)
    await client.close()
    expect(await settled).toMatchObject([{ reason: { code: 'closed', outcome: 'unknown' } }])
    expect(await events.next()).toMatchObject({ done: true })
    await expect(client.command('wallet.balances', {})).rejects.toMatchObject({ code: 'closed' })
  })

  it('keeps the server’s time though the phone’s clock is an hour off', async () => {
    const server = await startServer()
    const clock = { ...hurried(1), now: () => Date.now() - 3_600_000 }
    const client = await connectTo(server, { ports: { clock } })
    expect(Math.abs(client.serverNow() - Date.now())).toBeLessThan(2_000)
  })
})
