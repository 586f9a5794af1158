import { describe, expect, it } from 'vitest'
import { KEY, Phone, USER, errorCode, refusal, edgeStage } from './harness.ts'

const stage = edgeStage()

describe('commands', () => {
  it('forwards name, body, key and token to the hub and hands back its answer', async () => {
    stage.hub.on('payment.cancel', () => ({ ok: true, body: { id: 'pay_00000001' }, replayed: true }))
    const phone = await Phone.open(stage.edge.url, { device: 'dev_bbbbbbbbbbbb' })
    const reply = await phone.command('payment.cancel', { payment: 'pay_00000001' })
    expect(reply).toMatchObject({ ok: true, body: { id: 'pay_00000001' }, replayed: true })
    const [asked] = stage.hub.asked('payment.cancel')
    expect(asked).toMatchObject({
      credential: { type: 'device', token: `${USER}/dev_bbbbbbbbbbbb` },
      key: KEY,
      body: { payment: 'pay_00000001' },
    })
    expect(asked?.requestId).toMatch(/^req_/)
    expect(asked?.deadline).toBeGreaterThan(Date.now())
  })

  it('sends quote to its own subject and an absent body as an empty one', async () => {
    stage.hub.on('payment.quote', () => ({ ok: true, body: {} }))
    const phone = await Phone.open(stage.edge.url)
    expect(await phone.command('quote')).toMatchObject({ ok: true })
    expect(stage.hub.asked('payment.quote')[0]?.body).toEqual({})
    // Null is not nothing: what it is worth the hub says.
    await phone.command('quote', null)
    expect(stage.hub.asked('payment.quote')[1]?.body).toBeNull()
  })

  it('hands back a refusal as it is', async () => {
    stage.hub.on('payment.get', () => refusal('not_found'))
    const phone = await Phone.open(stage.edge.url)
    const reply = await phone.command('payment.get', { payment: 'pay_00000001' })
    expect(reply).toMatchObject({
      ok: false,
      error: { code: 'not_found', retryable: false, request_id: 'req_00000000' },
    })
  })

  it.each([
    ['nothing.known'],
    ['pin.forget'],
    ['session.open'],
    ['feed.page'],
    ['__proto__'],
    ['x'.repeat(2_000)],
    [5],
    [undefined],
  ])('answers unknown_command for the name %j without asking the hub', async (name) => {
    const phone = await Phone.open(stage.edge.url)
    const before = stage.hub.requests.length
    expect(errorCode(await phone.command(name, {}))).toBe('unknown_command')
    expect(stage.hub.requests.length).toBe(before)
  })

  it.each([
    [{}],
    [{ key: 'short' }],
    [{ key: 'x'.repeat(65) }],
    [{ key: 'has a space in it ok' }],
    [{ key: 5 }],
    [{ key: null }],
  ])('answers idempotency_key_missing where a changing command has %j', async (more) => {
    const phone = await Phone.open(stage.edge.url)
    expect(errorCode(await phone.command('payment.cancel', { payment: 'pay_00000001' }, more))).toBe(
      'idempotency_key_missing',
    )
    expect(stage.hub.asked('payment.cancel')).toEqual([])
  })

  it('answers temporarily_unavailable when the hub stays silent, and says to retry with the same key', async () => {
    await stage.restart({ limits: { command_timeout_ms: 150 } })
    stage.hub.on('payment.cancel', () => 'silence')
    const phone = await Phone.open(stage.edge.url)
    const reply = await phone.command('payment.cancel', { payment: 'pay_00000001' })
    expect(reply['error']).toMatchObject({ code: 'temporarily_unavailable', retryable: true })
    expect(JSON.stringify(reply)).toContain('same key')
  })

  it('answers overloaded at once beyond the commands one socket may have in flight', async () => {
    await stage.restart({ limits: { commands_per_session: 2 } })
    stage.hub.on('wallet.balances', () => 'silence')
    const phone = await Phone.open(stage.edge.url)
    phone.send({ t: 'cmd', id: 'a', name: 'wallet.balances' })
    phone.send({ t: 'cmd', id: 'b', name: 'wallet.balances' })
    const startedAt = performance.now()
    expect(errorCode(await phone.command('wallet.balances'))).toBe('overloaded')
    expect(performance.now() - startedAt).toBeLessThan(50)
  })

  it('limits a user over all sockets to a burst, says when to try again, and closes 4505 on abuse', async () => {
    await stage.restart({
      limits: { user_rate: { per_s: 1, burst: 3 }, refusal_rate: { per_s: 1, burst: 4 } },
    })
    const [first, second] = [await Phone.open(stage.edge.url), await Phone.open(stage.edge.url)]
    expect(await first.command('wallet.balances')).toMatchObject({ ok: true })
    expect(await second.command('wallet.balances')).toMatchObject({ ok: true })
    expect(await first.command('wallet.balances')).toMatchObject({ ok: true })
    const refused = await second.command('wallet.balances')
    expect(refused['error']).toMatchObject({ code: 'rate_limited', retryable: true })
    expect((refused['error'] as { retry_after_ms: number }).retry_after_ms).toBeGreaterThan(0)
    for (let i = 0; i < 20; i++) first.send({ t: 'cmd', id: `flood-${i}`, name: 'wallet.balances' })
    expect((await first.closed).code).toBe(4505)
    expect(second.closeCode).toBeNull()
  })

  it('closes 4505 on a flood of frames that are no commands', async () => {
    await stage.restart({ limits: { frame_rate: { per_s: 1, burst: 10 } } })
    const phone = await Phone.open(stage.edge.url)
    for (let i = 0; i < 20; i++) phone.send({ t: 'ack', feed: USER, seq: 0 })
    expect((await phone.closed).code).toBe(4505)
  })
})

describe('frames', () => {
  it.each([
    ['text that is not JSON', 'hello'],
    ['an array', '[]'],
    ['null', 'null'],
    ['a string', '"x"'],
    ['an unknown t', '{"t":"nope"}'],
    ['a token that is none', '{"t":"token","token":7}'],
    ['an extra field in a token', '{"t":"token","token":"x","x":1}'],
    ['no t', '{"id":"1"}'],
    ['a command without id', '{"t":"cmd","name":"wallet.balances","body":{}}'],
    ['an empty id', '{"t":"cmd","id":"","name":"wallet.balances"}'],
    ['a long id', `{"t":"cmd","id":"${'x'.repeat(65)}","name":"wallet.balances"}`],
    ['an id that is a number', '{"t":"cmd","id":1,"name":"wallet.balances"}'],
    ['an extra field in a command', '{"t":"cmd","id":"1","name":"wallet.balances","body":{},"x":1}'],
    ['__proto__ in a command', '{"t":"cmd","id":"1","name":"wallet.balances","__proto__":{}}'],
    ['an extra field in a pong', '{"t":"pong","n":1,"x":1}'],
    ['33 levels', `{"t":"cmd","id":"1","name":"wallet.balances","body":${'['.repeat(32)}${']'.repeat(32)}}`],
  ])('closes 4500 at %s', async (_what, text) => {
    const phone = await Phone.open(stage.edge.url)
    phone.sendText(text)
    expect((await phone.closed).code).toBe(4500)
    expect(errorCode(await phone.heard('error'))).toBe('invalid_request')
  })

  it('takes 32 levels', async () => {
    const phone = await Phone.open(stage.edge.url)
    phone.sendText(`{"t":"cmd","id":"1","name":"wallet.balances","body":${'['.repeat(31)}${']'.repeat(31)}}`)
    expect(await phone.reply('1')).toMatchObject({ ok: true })
  })

  it('closes 4500 at an id used before, whether answered or in flight', async () => {
    const phone = await Phone.open(stage.edge.url)
    phone.send({ t: 'cmd', id: 'same', name: 'wallet.balances' })
    await phone.reply('same')
    phone.send({ t: 'cmd', id: 'same', name: 'wallet.balances' })
    expect((await phone.closed).code).toBe(4500)
  })

  it('passes over an ack, also above the head or of another feed', async () => {
    const phone = await Phone.open(stage.edge.url)
    phone.send({ t: 'ack', feed: USER, seq: 99 })
    phone.send({ t: 'ack', feed: 'usr_zzzzzzzzzzzz', seq: 1 })
    expect(await phone.command('wallet.balances')).toMatchObject({ ok: true })
  })
})
