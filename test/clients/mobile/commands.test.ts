import { decodeJwt } from 'jose'
import { describe, expect, it, vi } from 'vitest'
import { bodyHash } from '../../../clients/mobile/proofs.ts'
import { ConfirmClaims, IdempotencyKey } from '../../../src/contract/index.ts'
import { connectTo, payment, startServer, take, wireError } from './harness.ts'
import { DEVICE, USER, type Cmd, type ScriptedServer } from './scripted-server.ts'

const PAYMENT = payment(1).id

/** A hub that does each key once and replays its answer, as protocol.md's Idempotency has it. */
function idempotent(
  server: ScriptedServer,
  before: (cmd: Cmd, nth: number, drop: () => void) => boolean,
): { effects: number } {
  const done = new Map<string, object>()
  const counted = { effects: 0 }
  server.onCommand = (cmd, reply, socket) => {
    const key = String(cmd.key)
    const stored = done.get(key)
    if (stored === undefined) {
      counted.effects += 1
      done.set(key, payment(2))
    }
    if (before(cmd, server.commands.length, () => socket.terminate())) return
    reply({ ok: true, body: done.get(key), ...(stored === undefined ? {} : { replayed: true }) })
  }
  return counted
}

describe('a command', () => {
  it('that changes something carries a key of its own; one that reads carries none', async () => {
    const server = await startServer()
    server.onCommand = (cmd, reply) =>
      reply({ ok: true, body: cmd.name === 'wallet.balances' ? { data: [] } : payment(1) })
    const client = await connectTo(server)
    await client.command('payment.cancel', { payment: PAYMENT })
    await client.command('payment.cancel', { payment: PAYMENT })
    await client.command('wallet.balances', {})
    const [first, second, third] = server.commands
    expect(IdempotencyKey.safeParse(first?.key).success).toBe(true)
    expect(second?.key).not.toBe(first?.key)
    expect(third).not.toHaveProperty('key')
    expect(new Set(server.commands.map(({ id }) => id)).size).toBe(3)
  })

  it('whose socket dies after the effect has exactly one effect: it is sent again under the same key', async () => {
    const server = await startServer()
    const counted = idempotent(server, (_, nth, drop) => {
      if (nth < 3) drop()
      return nth < 3
    })
    const client = await connectTo(server)
    const answer = await client.command('payment.cancel', { payment: PAYMENT })
    expect(answer.version).toBe(2)
    expect(server.commands).toHaveLength(3)
    expect(new Set(server.commands.map(({ key }) => key)).size).toBe(1)
    expect(counted.effects).toBe(1)
  })

  it('without an answer in time is sent again on the same socket, and the first answer counts', async () => {
    const server = await startServer()
    const counted = idempotent(server, (_, nth) => nth === 1)
    const client = await connectTo(server)
    await client.command('payment.cancel', { payment: PAYMENT })
    expect(server.commands.map(({ key }) => key)).toEqual([server.commands[0]?.key, server.commands[0]?.key])
    expect(server.hellos).toHaveLength(1)
    expect(counted.effects).toBe(1)
  })

  it('takes the late answer to its first sending', async () => {
    const server = await startServer()
    let late: (() => void) | undefined
    server.onCommand = (_, reply) => {
      if (late === undefined) late = () => reply({ ok: true, body: payment(2) })
      else {
        reply({ ok: false, error: wireError('in_flight', { retryable: true, retry_after_ms: 10_000 }) })
        late()
      }
    }
    const client = await connectTo(server)
    expect((await client.command('payment.cancel', { payment: PAYMENT })).version).toBe(2)
    expect(server.commands).toHaveLength(2)
  })

  it('refused for now is sent again no sooner than the server asked', async () => {
    const server = await startServer()
    const times: number[] = []
    server.onCommand = (_, reply) => {
      times.push(performance.now())
      if (times.length === 1)
        reply({ ok: false, error: wireError('overloaded', { retryable: true, retry_after_ms: 4_000 }) })
      else reply({ ok: true, body: payment(2) })
    }
    const client = await connectTo(server)
    await client.command('payment.cancel', { payment: PAYMENT })
    // The client's clock runs 20 times as fast: 4,000 ms are 200.
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(195)
  })

  it('refused for good fails at once, with code, param and key', async () => {
    const server = await startServer()
    server.onCommand = (_, reply) => reply({ ok: false, error: wireError('insufficient_funds', { param: 'amount' }) })
    const client = await connectTo(server)
    await expect(client.command('payment.cancel', { payment: PAYMENT }, { key: 'k'.repeat(20) })).rejects.toMatchObject(
      {
        name: 'MooringError',
        code: 'insufficient_funds',
        param: 'amount',
        retryable: false,
        outcome: 'refused',
        key: 'k'.repeat(20),
        requestId: 'req_scripted',
      },
    )
    expect(server.commands).toHaveLength(1)
  })

  it('past its deadline says what is known: unknown after a sending, refused after an answer, not sent before any', async () => {
    const server = await startServer()
    const client = await connectTo(server)
    const key = 'unanswered-command-1'
    const silent = client.command('payment.cancel', { payment: PAYMENT }, { key, deadline_ms: 3_000 })
    await expect(silent).rejects.toMatchObject({ code: 'deadline_exceeded', outcome: 'unknown', key })

    server.onCommand = (_, reply) =>
      // To be tried again only after the deadline: a sending on its way by then would leave the end unknown.
      reply({ ok: false, error: wireError('rail_unavailable', { retryable: true, retry_after_ms: 60_000 }) })
    const refused = client.command('payment.cancel', { payment: PAYMENT }, { deadline_ms: 3_000 })
    await expect(refused).rejects.toMatchObject({ code: 'rail_unavailable', outcome: 'refused' })

    for (const code of ['temporarily_unavailable', 'in_flight'] as const) {
      server.onCommand = (_, reply) =>
        reply({ ok: false, error: wireError(code, { retryable: true, retry_after_ms: 60_000 }) })
      const open = client.command('payment.cancel', { payment: PAYMENT }, { key, deadline_ms: 3_000 })
      await expect(open).rejects.toMatchObject({ code: 'deadline_exceeded', outcome: 'unknown', key })
    }
    server.onCommand = (_, reply) => reply({ ok: false, error: wireError('internal') })
    const broken = client.command('payment.cancel', { payment: PAYMENT }, { key })
    await expect(broken).rejects.toMatchObject({ code: 'internal', outcome: 'unknown', key })

    server.onHello = () => 4005
    server.drop()
    await vi.waitFor(() => expect(client.status).toBe('connecting'), 10_000)
    const unsent = client.command('payment.cancel', { payment: PAYMENT }, { deadline_ms: 3_000 })
    await expect(unsent).rejects.toMatchObject({ code: 'deadline_exceeded', outcome: 'not_sent' })
  })

  it('after the client was closed was not sent, and says which it was', async () => {
    const server = await startServer()
    const client = await connectTo(server)
    await client.close()
    const late = client.command('payment.cancel', { payment: PAYMENT }, { key: 'after-the-end-1234' })
    await expect(late).rejects.toMatchObject({ code: 'closed', outcome: 'not_sent', key: 'after-the-end-1234' })
  })

  it('longer than the server takes is refused before it is sent', async () => {
    const server = await startServer()
    const client = await connectTo(server)
    const payload = 'ж'.repeat(10_000)
    await expect(client.command('payment.resolve_qr', { payload })).rejects.toMatchObject({
      code: 'frame_too_large',
      outcome: 'not_sent',
    })
    expect(server.commands).toHaveLength(0)
  })

  it('of which there are too many at once is refused here', async () => {
    const server = await startServer()
    const client = await connectTo(server)
    const all = Array.from({ length: 257 }, () => client.command('wallet.balances', {}))
    const settled = Promise.allSettled(all)
    await expect(all[256]).rejects.toMatchObject({ code: 'queue_full', outcome: 'not_sent' })
    await client.close()
    expect((await settled).every(({ status }) => status === 'rejected')).toBe(true)
  })

  it('answered with something else is a fault, not a guess', async () => {
    const server = await startServer()
    server.onCommand = (_, reply) => reply({ ok: true, body: { id: 7 } })
    const client = await connectTo(server)
    await expect(client.command('payment.get', { payment: PAYMENT })).rejects.toMatchObject({
      code: 'protocol_fault',
      outcome: 'unknown',
    })
  })
})

describe('paying', () => {
  const quote = { payer_fee: '5', total: '12350', pin_required: false, limits_ok: true }

  it('signs exactly what was quoted, and on a retry keeps key and signature', async () => {
    const server = await startServer()
    server.onCommand = (cmd, reply, socket) => {
      if (cmd.name === 'quote') return reply({ ok: true, body: quote })
      if (server.commands.length === 2) return socket.terminate()
      reply({ ok: true, body: payment(2) })
    }
    const client = await connectTo(server)
    const order = payment(1, { order_ref: 'A-7' })
    await client.pay({ payment: order, claim: 'opaque', source: 'wallet' })
    const [asked, first, second] = server.commands
    expect(asked?.body).toEqual({
      kind: 'purchase',
      amount: '12345',
      currency: 'KES',
      source: 'wallet',
      payee: order.payee,
    })
    expect(first).toMatchObject({
      name: 'payment.confirm',
      body: { payment: PAYMENT, claim: 'opaque', source: 'wallet' },
    })
    expect(second).toMatchObject({ key: first?.key, body: first?.body ?? {} })
    const claims = ConfirmClaims.parse(decodeJwt(String(first?.body['confirmation'])))
    expect(claims).toMatchObject({
      env: 'test',
      sub: USER,
      device: DEVICE,
      kind: 'purchase',
      payment: PAYMENT,
      payee: order.payee,
      amount: '12345',
      currency: 'KES',
      payer_fee: '5',
      total: '12350',
      source: 'wallet',
      capture_method: 'automatic',
      order_ref: 'A-7',
    })
    expect(claims).not.toHaveProperty('key')
  })

  it('signs what the person was shown where the app quoted itself', async () => {
    const server = await startServer()
    server.onCommand = (_, reply) => reply({ ok: true, body: payment(2) })
    const client = await connectTo(server)
    await client.pay({ payment: payment(1), source: 'wallet', quote: { payer_fee: '1', total: '12346' } })
    expect(server.commands.map(({ name }) => name)).toEqual(['payment.confirm'])
    expect(decodeJwt(String(server.commands[0]?.body['confirmation']))['total']).toBe('12346')
  })

  it('by transfer, top-up and withdrawal signs over the command’s own key', async () => {
    const server = await startServer()
    server.onCommand = (cmd, reply) =>
      reply({ ok: true, body: cmd.name === 'quote' ? { ...quote, payer_fee: '0', total: '700' } : payment(2) })
    const client = await connectTo(server)
    const money = { amount: '700', currency: 'KES' }
    await client.transfer({ to: 'usr_0000000002', ...money, note: 'lunch' })
    await client.topup({ source: 'src_0000000001', ...money })
    await client.withdraw({ source: 'src_0000000001', ...money })
    const made = server.commands.filter(({ name }) => name !== 'quote')
    expect(made.map(({ name }) => name)).toEqual(['transfer.create', 'topup.create', 'withdrawal.create'])
    for (const [i, [kind, payee, source]] of [
      ['transfer', 'usr_0000000002', 'wallet'],
      ['topup', 'self', 'src_0000000001'],
      ['withdrawal', 'self', 'src_0000000001'],
    ].entries()) {
      const claims = ConfirmClaims.parse(decodeJwt(String(made[i]?.body['confirmation'])))
      expect(claims).toMatchObject({
        kind,
        payee,
        source,
        key: made[i]?.key,
        amount: '700',
        total: '700',
        payer_fee: '0',
      })
      expect(claims).not.toHaveProperty('payment')
    }
  })

  it('links a bank account by an action over the canonical body', async () => {
    const server = await startServer()
    server.onCommand = (_, reply) => {
      reply({
        ok: true,
        body: { id: 'src_0000000001', type: 'bank', label: '··1', status: 'active', next_action: null },
      })
    }
    const client = await connectTo(server)
    const source = await client.linkBank({ bank: 'demo-bank', account: 'DE02' })
    expect(source.id).toBe('src_0000000001')
    const { action, ...covered } = server.commands[0]?.body ?? {}
    const claims = decodeJwt(String(action))
    expect(claims).toMatchObject({
      aud: 'mooring:action',
      sub: USER,
      device: DEVICE,
      name: 'source.link',
      body: await bodyHash(covered, crypto.subtle),
    })
  })

  it('revokes and approves devices and sets the PIN by actions, with secrets beside what is signed', async () => {
    const server = await startServer()
    const device = 'dev_0000000002'
    server.onCommand = (command, reply) => {
      const view = { id: device, name: 'old', created_at: '', last_seen_at: null, status: 'active', current: false }
      reply({ ok: true, body: command.name === 'pin.set' ? {} : view })
    }
    const client = await connectTo(server)
    expect((await client.revokeDevice({ device })).id).toBe(device)
    await client.approveDevice({ device, pin: '2580' })
    await client.setPin({ pin: '7913', oldPin: '2580' })
    const expected = [
      ['device.revoke', { device }, {}],
      ['device.approve', { device }, { pin: '2580' }],
      ['pin.set', {}, { pin: '7913', old_pin: '2580' }],
    ] as const
    for (const [i, [name, covered, secrets]] of expected.entries()) {
      const { action, ...rest } = server.commands[i]?.body ?? {}
      expect([server.commands[i]?.name, rest]).toEqual([name, { ...covered, ...secrets }])
      expect(decodeJwt(String(action))).toMatchObject({
        sub: USER,
        device: DEVICE,
        name,
        body: await bodyHash(covered, crypto.subtle),
      })
      expect(server.commands[i]?.key).toMatch(/^[\w-]{16,64}$/)
    }
  })

  it('takes the PIN of an order along, unsigned', async () => {
    const server = await startServer()
    server.onCommand = (_, reply) => reply({ ok: true, body: payment(1) })
    const client = await connectTo(server)
    const terms = { payer_fee: '0', total: '600000' }
    const money = { amount: '600000', currency: 'KES', quote: terms, pin: '2580' }
    await client.transfer({ ...money, to: 'usr_0000000002' })
    await client.topup({ ...money, source: 'src_0000000001' })
    await client.withdraw({ ...money, source: 'src_0000000001' })
    expect(server.commands.map(({ body }) => body?.['pin'])).toEqual(['2580', '2580', '2580'])
    for (const { body } of server.commands) expect(decodeJwt(String(body?.['confirmation']))).not.toHaveProperty('pin')
  })
})

describe('the stream of one payment', () => {
  it('starts from the present state, rises in version and ends with the terminal one', async () => {
    const server = await startServer()
    server.onCommand = (_, reply) => {
      reply({ ok: true, body: payment(2) })
      server.push('payment.updated', payment(2))
      server.push('payment.updated', payment(3, { status_reason: 'awaiting_rail' }))
      server.push('payment.updated', payment(4, { status: 'succeeded' }))
    }
    const client = await connectTo(server)
    const seen: [number, string][] = []
    for await (const { version, status } of client.payment(PAYMENT)) seen.push([version, status])
    expect(seen).toEqual([
      [2, 'processing'],
      [3, 'processing'],
      [4, 'succeeded'],
    ])
  })

  it('shows a change that came while it was asking, once', async () => {
    const server = await startServer()
    server.onCommand = (_, reply) => {
      server.push('payment.updated', payment(3))
      reply({ ok: true, body: payment(2) })
      server.push('payment.updated', payment(4, { status: 'failed' }))
    }
    const client = await connectTo(server)
    const versions: number[] = []
    for await (const { version } of client.payment(PAYMENT)) versions.push(version)
    expect(versions).toEqual([3, 4])
  })

  it('goes on over a lost socket', async () => {
    const server = await startServer()
    server.onCommand = (_, reply) => reply({ ok: true, body: payment(2) })
    const client = await connectTo(server)
    const stream = client.payment(PAYMENT)
    expect((await stream.next()).value).toMatchObject({ version: 2 })
    server.drop()
    server.commitUnseen('payment.updated', payment(3, { status: 'succeeded' }))
    expect((await stream.next()).value).toMatchObject({ version: 3 })
    expect(await stream.next()).toMatchObject({ done: true })
  })

  it('of a payment that is not ours fails with the server’s word', async () => {
    const server = await startServer()
    server.onCommand = (_, reply) => reply({ ok: false, error: wireError('not_found') })
    const client = await connectTo(server)
    await expect(take(client.payment(PAYMENT), 1)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('of an ended payment gives its one state, without asking', async () => {
    const server = await startServer()
    server.state = { payments: [payment(9, { status: 'succeeded' })] }
    const client = await connectTo(server)
    await vi.waitFor(() => expect(client.payments.size).toBe(1), 10_000)
    const versions: number[] = []
    for await (const { version } of client.payment(PAYMENT)) versions.push(version)
    expect(versions).toEqual([9])
    expect(server.commands).toHaveLength(0)
  })
})
