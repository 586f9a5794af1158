import { expect, test } from 'vitest'
import { z } from 'zod'
import { makeKey, random, sha256, type Json } from '../support/raw-key.ts'
import { freshNonce, RawPhone } from '../support/raw-phone.ts'
import { text } from '../support/raw-rest.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { aText, type Stage } from '../support/raw-stage.ts'

const NOBODY = 'usr_0000000000000000000000'
const isEvent = ({ t }: Json) => t === 'event'
const Heads = z.record(z.string(), z.object({ mode: z.string(), epoch: z.string(), seq: z.number() }))

export function sockets(stage: () => Stage): void {
  const url = () => stage().dev.edge[0] ?? ''
  /** Opens a socket, sends what `make` gives for it, and gives the code it closes with. */
  const closedBy = async (make: (socket: RawSocket) => unknown) => {
    const socket = await RawSocket.open(url())
    await socket.frame('challenge', ({ t }) => t === 'challenge')
    socket.send(await make(socket))
    const code = await socket.closed
    expect(socket.frames.filter(({ t }) => t === 'ready')).toEqual([])
    return code
  }
  const headOf = (phone: RawPhone, ready: Json) => Heads.parse(ready['feeds'])[phone.user] ?? expect.fail('no own feed')

  test('a handshake needs the subprotocol and no foreign Origin', async () => {
    const cases: [string, Parameters<typeof RawSocket.open>[1]][] = [
      ['status 400', { protocols: [] }],
      ['status 400', { protocols: ['mooring.v2', 'graphql-ws'] }],
      ['status 403', { ws: { origin: 'https://evil.example' } }],
      ['status 403', { ws: { origin: 'null' } }],
      ['status 403', { ws: { origin: 'http://127.0.0.1.evil.example' } }],
    ]
    for (const [status, options] of cases) await expect(RawSocket.open(url(), options)).rejects.toThrow(status)
    const socket = await RawSocket.open(url(), { protocols: ['mooring.v2', 'mooring.v1'] })
    await socket.frame('challenge', ({ t }) => t === 'challenge')
    await socket.close()
  })

  test('an ill-formed hello closes 4500', async () => {
    const { anna } = stage()
    const { user } = anna
    const cursors: Json[] = [
      { [user]: {} },
      { [user]: { epoch: 'e', seq: -1 } },
      { [user]: { epoch: 'e', seq: 1.5 } },
      { [user]: { epoch: 'e', seq: '1' } },
      { [user]: { epoch: 7, seq: 1 } },
      { [user]: { seq: 1 } },
      { [user]: { epoch: 'e', seq: 1, surprise: 1 } },
      { [user]: null },
      { 'usr_*': { epoch: 'e', seq: 1 } },
      { 'feed.>': { epoch: 'e', seq: 1 } },
    ]
    for (const feeds of cursors)
      expect([JSON.stringify(feeds), await closedBy((socket) => anna.hello(socket, { feeds }))]).toEqual([
        JSON.stringify(feeds),
        4500,
      ])
    const frames = [
      '',
      'hello',
      '[]',
      'null',
      '{"t":"hello"',
      '{"t":"hola"}',
      '{}',
      '{"t":"hello"}',
      '{"t":"hello","token":7}',
      '{"t":"ping"}',
    ]
    for (const frame of frames) expect([frame, await closedBy(() => frame)]).toEqual([frame, 4500])
    expect(await closedBy((socket) => anna.hello(socket, { surprise: 1 }))).toBe(4500)
    expect(await closedBy((socket) => anna.hello(socket, { feeds: [] }))).toBe(4500)
    expect(await closedBy(() => ({ t: 'cmd', id: '1', name: 'wallet.balances', body: {} }))).toBe(4500)
  })

  test('a hello without a good token and a proof over exactly this socket closes 4501', async () => {
    const { anna, ben } = stage()
    const nonceOf = async (socket: RawSocket) =>
      (await socket.frame('challenge', ({ t }) => t === 'challenge'))['nonce']
    const claims = async (socket: RawSocket) => ({
      aud: 'mooring:socket',
      nonce: await nonceOf(socket),
      ath: await sha256(anna.token),
    })
    const stranger = await makeKey()
    const typ = 'mooring-proof+jwt'
    const hello = (proof: unknown, token: unknown = anna.token) => ({
      t: 'hello',
      token,
      ...(proof === undefined ? {} : { proof }),
    })
    const [head, body, signature] = anna.token.split('.')
    const cases: [string, (socket: RawSocket) => unknown][] = [
      ['no proof', () => hello(undefined)],
      ['words for a proof', () => hello('a.b.c')],
      ["another phone's proof", async (socket) => hello(await ben.proof(await claims(socket)))],
      [
        'a proof by another key',
        async (socket) => hello(await anna.sign(typ, await claims(socket), {}, stranger.sign)),
      ],
      ['another kid', async (socket) => hello(await anna.proof(await claims(socket), { kid: ben.device }))],
      [
        'alg none',
        async (socket) => hello(await anna.sign(typ, await claims(socket), { alg: 'none' }, () => new Uint8Array())),
      ],
      ['another typ', async (socket) => hello(await anna.sign('mooring-action+jwt', await claims(socket)))],
      ['another aud', async (socket) => hello(await anna.proof({ ...(await claims(socket)), aud: 'mooring:token' }))],
      ['another nonce', async (socket) => hello(await anna.proof({ ...(await claims(socket)), nonce: random(32) }))],
      [
        "another token's hash",
        async (socket) => hello(await anna.proof({ ...(await claims(socket)), ath: await sha256(ben.token) })),
      ],
      [
        'an origin that was not sent',
        async (socket) => hello(await anna.proof({ ...(await claims(socket)), origin: 'https://a.example' })),
      ],
      ['a claim too many', async (socket) => hello(await anna.proof({ ...(await claims(socket)), surprise: 1 }))],
      ["another phone's token", async (socket) => hello(await anna.proof(await claims(socket)), ben.token)],
      [
        'a token with its signature cut',
        async (socket) => hello(await anna.proof(await claims(socket)), `${head}.${body}.${signature?.slice(2)}`),
      ],
      [
        'a token of our own making',
        async (socket) => hello(await anna.proof(await claims(socket)), await anna.proof({ sub: anna.user })),
      ],
      [
        "a merchant's key",
        async (socket) => hello(await anna.proof(await claims(socket)), stage().merchant.secret_key),
      ],
    ]
    for (const [why, make] of cases) expect([why, await closedBy(make)]).toEqual([why, 4501])
  })

  test("another's feed closes 4504, whoever's it is", async () => {
    const { anna, ben, merchant } = stage()
    for (const feed of [ben.user, NOBODY, merchant.id, merchant.store]) {
      const feeds = { [anna.user]: { epoch: 'e', seq: 0 }, [feed]: { epoch: 'e', seq: 0 } }
      expect([feed, await closedBy((socket) => anna.hello(socket, { feeds }))]).toEqual([feed, 4504])
    }
  })

  test('without a hello the socket closes 4004', async () => {
    const socket = await RawSocket.open(url())
    const opened = performance.now()
    expect(await socket.closed).toBe(4004)
    expect(performance.now() - opened).toBeGreaterThan(4_500)
    expect(performance.now() - opened).toBeLessThan(8_000)
  })

  test('a second hello, a used id and every frame that is none close 4500; size, form and bytes have their own codes', async () => {
    const phone = await stage().phone()
    const deep = `${'['.repeat(40)}${']'.repeat(40)}`
    const cmd = { t: 'cmd', id: '1', name: 'wallet.balances', body: {} }
    const cases: [number, unknown][] = [
      [4500, 'not json'],
      [4500, '[]'],
      [4500, '"cmd"'],
      [4500, '{"t":"cmd"}'],
      [4500, { ...cmd, id: '' }],
      [4500, { ...cmd, id: 'x'.repeat(65) }],
      [4500, { ...cmd, id: 7 }],
      [4500, { ...cmd, id: undefined }],
      [4500, { ...cmd, surprise: 1 }],
      [4500, { ...cmd, t: 'command' }],
      [4500, `{"t":"cmd","id":"1","name":"wallet.balances","body":${deep}}`],
      [1009, { ...cmd, body: { surprise: 'x'.repeat(16 * 1_024) } }],
      [1003, Buffer.from(JSON.stringify(cmd))],
    ]
    for (const [code, frame] of cases) {
      await phone.connect()
      phone.socket.send(frame)
      expect([JSON.stringify(frame).slice(0, 60), await phone.socket.closed]).toEqual([
        JSON.stringify(frame).slice(0, 60),
        code,
      ])
    }
    await phone.connect()
    phone.socket.send(await phone.hello(phone.socket))
    expect(await phone.socket.closed).toBe(4500)
    await phone.connect()
    for (let i = 0; i < 2; i++) phone.socket.send(cmd)
    expect(await phone.socket.closed).toBe(4500)
  })

  test('a further socket of a device replaces the one before: 4006', async () => {
    const phone = await stage().phone()
    const before = phone.socket
    await phone.connect()
    expect(await before.closed).toBe(4006)
    await phone.socket.close()
  })

  test('no cursor, another epoch and a cursor above the head are answered by a snapshot of what is', async () => {
    const phone = await stage().phone('30')
    await phone.transfer(stage().anna.user, '10')
    const { epoch, seq } = headOf(phone, await phone.connect())
    const cursors = [
      undefined,
      { epoch: 'another', seq },
      { epoch, seq: seq + 1 },
      { epoch, seq: 1_000_000 },
      { epoch: 'none', seq: 0 },
    ]
    for (const cursor of cursors) {
      const head = headOf(phone, await phone.connect(cursor === undefined ? undefined : { [phone.user]: cursor }))
      expect(head).toEqual({ mode: 'snapshot', epoch, seq })
      const snapshot = await phone.socket.frame('snapshot', ({ t }) => t === 'snapshot')
      expect(snapshot).toMatchObject({ feed: phone.user, epoch, seq, part: 1, last: true, pos: aText })
      expect(snapshot['body']).toMatchObject({ balances: [{ currency: 'KES', available: '20', pending: '0' }] })
    }
    await phone.socket.close()
  })

  test('a resume replays exactly what was missed, in order, then goes on live; nothing missed is live at once', async () => {
    const phone = await stage().phone('30')
    const { epoch, seq } = headOf(phone, await phone.connect())
    await phone.socket.close()
    for (let i = 0; i < 5; i++) await stage().anna.transfer(phone.user, '1')
    const head = headOf(phone, await phone.connect({ [phone.user]: { epoch, seq } }))
    expect(head).toMatchObject({ mode: 'replay', epoch })
    expect(head.seq).toBeGreaterThan(seq + 5)
    const last = await phone.socket.frame('the last missed', ({ t, seq: at }) => t === 'event' && at === head.seq)
    await stage().anna.transfer(phone.user, '1')
    await phone.socket.frame('a live one', ({ t, seq: at }) => t === 'event' && at === head.seq + 1)
    const events = phone.socket.frames.filter(isEvent)
    expect(events.map(({ seq: at }) => at)).toEqual(events.map((_, i) => seq + 1 + i))
    expect(phone.socket.frames.filter(({ t }) => t === 'snapshot')).toEqual([])
    expect(phone.socket.frames.findIndex(isEvent)).toBeGreaterThan(
      phone.socket.frames.findIndex(({ t }) => t === 'ready'),
    )
    await phone.socket.close()
    const again = headOf(phone, await phone.connect({ [phone.user]: { epoch, seq: head.seq, pos: last['pos'] } }))
    expect(['live', 'replay']).toContain(again.mode)
    await phone.socket.close()
    const now = headOf(phone, await phone.connect({ [phone.user]: { epoch, seq: again.seq } }))
    expect(now).toEqual({ mode: 'live', epoch, seq: again.seq })
    await phone.socket.close()
  })

  test('a newer token is taken on an open socket by a proof over its nonce, once; anything else closes 4501', async () => {
    const { dev } = stage()
    const phone = await RawPhone.make(dev)
    const { socket } = phone
    const ready = await socket.frame('ready', ({ t }) => t === 'ready')
    const first = phone.token
    await phone.renew()
    expect(phone.token).not.toBe(first)
    const claims = { aud: 'mooring:socket', nonce: ready['nonce'], ath: await sha256(phone.token) }
    socket.send({ t: 'token', token: phone.token, proof: await phone.proof(claims) })
    const taken = await socket.frame('token', ({ t }) => t === 'token')
    expect(Object.keys(taken).toSorted()).toEqual(['expires_at', 't'])
    expect(Date.parse(text(taken, 'expires_at'))).toBeGreaterThan(Date.now() + 800_000)
    await phone.must('wallet.balances', {})

    socket.send({ t: 'token', token: phone.token, proof: await phone.proof(claims) })
    expect(await socket.closed).toBe(4501)
    const error = z
      .record(z.string(), z.unknown())
      .parse((await socket.frame('error', ({ t }) => t === 'error'))['error'])
    expect(error['code']).toBe('unauthenticated')

    const faults: [what: string, more: Json][] = [
      ['another nonce', { nonce: await freshNonce(dev) }],
      ["another token's hash", { ath: await sha256(first) }],
      ['another audience', { aud: 'mooring:token' }],
      ['an origin that was not sent', { origin: 'http://127.0.0.1:7300' }],
    ]
    for (const [what, more] of faults) {
      const { nonce } = await phone.connect()
      const proof = await phone.proof({ ...claims, nonce, ...more })
      phone.socket.send({ t: 'token', token: phone.token, proof })
      expect([what, await phone.socket.closed]).toEqual([what, 4501])
    }
  })

  test("every event of the tests before came once and in order, versions only rose, and the last balance is the wallet's", async () => {
    const { treasury, anna, ben } = stage()
    for (const phone of [treasury, anna, ben]) {
      const wallet = z.array(z.unknown()).parse((await phone.must('wallet.balances', {}))['data'])[0]
      await phone.socket.frame(
        'the last balance',
        ({ name, body }) => name === 'balance.updated' && JSON.stringify(body) === JSON.stringify(wallet),
      )
      const events = phone.socket.frames.filter(isEvent)
      const first = z.number().parse(events[0]?.['seq'])
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => first + i))
      expect(new Set(events.map(({ id }) => id)).size).toBe(events.length)
      const versions = new Map<string, number>()
      for (const { name, body } of events) {
        if (name !== 'payment.updated') continue
        const { id, version } = z.looseObject({ id: z.string(), version: z.number() }).parse(body)
        expect(version).toBe((versions.get(id) ?? version - 1) + 1)
        versions.set(id, version)
      }
      const balances = events.filter(({ name }) => name === 'balance.updated')
      expect(balances.at(-1)?.['body']).toEqual(wallet)
    }
  })
}
