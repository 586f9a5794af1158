import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { frame, RawSocket as RawPeer, TEXT } from '../edge/support/raw-frames.ts'
import { startStack, type Stack } from '../support/stack.ts'
import { HonestClients, steadily } from './support/honest.ts'
import { compactJws, makeKey, random, sha256 } from './support/raw-key.ts'
import { codeOf, randomNumber, RawPhone } from './support/raw-phone.ts'
import { RawSocket, type Reply } from './support/raw-socket.ts'
import { tally } from './support/raw-stage.ts'

/**
 * What somebody may try at the edge's door and with a wallet of their own (docs/security.md, Threats), against a whole
 * stack that keeps its caps, while others go on paying: it comes to nothing, and they do not notice.
 */

const PIN = '2580'
/** Of an abuse that has no length of its own. */
const A_WHILE_MS = 1_500
/** Answers of 50 KB and more until the machine's own buffers and the edge's queue are full. */
const FILLING_MS = 20_000
/** Loopback has more addresses than one: a stranger's, of whom no cap touches anybody else. */
const stranger = (no: number) => `127.0.0.${String(no)}`

let stack: Stack
let honest: HonestClients
let victim: RawPhone
let mallory: RawPhone
let url: string
let port: number

beforeAll(async () => {
  stack = await startStack({ args: ['--caps', '--transport', 'ws'] })
  const dev = stack.dev()
  url = dev.edge[0] ?? ''
  port = Number(new URL(url).port)
  const other = await RawPhone.make(dev)
  victim = await RawPhone.make(dev)
  mallory = await RawPhone.make(dev)
  await mallory.link()
  await mallory.topUp('1000')
  honest = new HonestClients([victim, other])
})
afterAll(async () => {
  try {
    await honest?.stop()
  } finally {
    await stack?.stop()
  }
})

/** A socket of a stranger: the code it is closed with after these frames, or why it was never opened. */
async function ends(no: number, frames: (socket: RawSocket) => Promise<unknown[]>, origin?: string): Promise<string> {
  const ws = { localAddress: stranger(no), ...(origin === undefined ? {} : { origin }) }
  const opened = await RawSocket.open(url, { ws }).catch((error: unknown) => String(error))
  if (typeof opened === 'string') return opened
  for (const each of await frames(opened)) opened.send(each)
  return String(await opened.closed)
}

/** Mallory's socket anew: the edge closed the one before. */
async function back(): Promise<void> {
  await expect.poll(() => mallory.connect().then(() => true, String), { timeout: 20_000, interval: 200 }).toBe(true)
}

const counted = (all: readonly string[]): Record<string, number> =>
  Object.fromEntries(Object.entries(Object.groupBy(all, (each) => each)).map(([what, of]) => [what, of?.length ?? 0]))

test('handshakes that never end, and sockets that never say hello, are cut', async () => {
  await honest.areUnharmedBy(async () => {
    const slow = Array.from({ length: 80 }, async () => {
      const socket = connect({ port, host: '127.0.0.1', localAddress: stranger(2) })
      socket.on('error', () => {})
      socket.resume()
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
      socket.write('GET /v1/socket HTTP/1.1\r\nHost: x\r\nX-Slow: ')
      const drip = setInterval(() => socket.write('x'), 250)
      await closed
      clearInterval(drip)
    })
    const silent = Array.from({ length: 80 }, () => ends(2, () => Promise.resolve([])))
    expect(counted(await Promise.all(silent))).toEqual({ 4004: silent.length })
    await Promise.all(slow)
  })
})

test('of a flood of connections from one address so many stand, and everybody else gets in', async () => {
  await honest.areUnharmedBy(async () => {
    const opened = new Set<RawSocket>()
    let most = 0
    const flood = steadily(A_WHILE_MS, 5, async () => {
      const socket = await RawSocket.open(url, { ws: { localAddress: stranger(3) } }).catch(() => null)
      if (socket === null) return
      most = Math.max(most, opened.add(socket).size)
      void socket.closed.then(() => opened.delete(socket))
    })
    await mallory.connect()
    await flood
    expect(most).toBeLessThanOrEqual(200)
    await Promise.all([...opened].map((socket) => socket.cut()))
  })
})

test('a stolen token opens nothing, however often it is tried', async () => {
  const thief = await makeKey()
  await honest.areUnharmedBy(async () => {
    const tries = await steadily(A_WHILE_MS, 10, () =>
      ends(4, async (socket) => {
        const { nonce } = await socket.frame('challenge', ({ t }) => t === 'challenge')
        const header = { alg: 'ES256', typ: 'mooring-proof+jwt', kid: victim.device }
        const claims = { aud: 'mooring:socket', nonce, ath: await sha256(victim.token) }
        const proof = await compactJws(header, claims, thief.sign)
        return [{ t: 'hello', token: victim.token, proof, agent: 'thief/1.0' }]
      }),
    )
    expect(counted(tries)).toEqual({ 4501: tries.length })
  })
})

test('a page of somebody else’s is refused at the handshake', async () => {
  await honest.areUnharmedBy(async () => {
    const tries = await steadily(A_WHILE_MS, 10, () => ends(5, () => Promise.resolve([]), 'https://evil.example'))
    expect(counted(tries)).toEqual({ 'Error: status 403': tries.length })
  })
})

test.each([
  ['larger than is taken', 1009, `{"t":"cmd","id":"${'x'.repeat(16 * 1_024)}"}`],
  ['deeper than is taken', 4500, `{"t":"cmd","id":"1","name":"quote","body":${'['.repeat(8_000)}${']'.repeat(8_000)}}`],
] as const)('frames %s close their socket', async (_what, code, text) => {
  await honest.areUnharmedBy(async () => {
    const tries = await steadily(A_WHILE_MS, 10, () => ends(6, () => Promise.resolve([text])))
    expect(counted(tries)).toEqual({ [code]: tries.length })
  })
})

test('messages in tiny fragments close their socket', async () => {
  const tiny = [
    frame({ opcode: TEXT, payload: '{', fin: false }),
    ...Array.from({ length: 200 }, () => frame({ opcode: 0, payload: ' ', fin: false })),
  ]
  await honest.areUnharmedBy(async () => {
    const tries = await steadily(A_WHILE_MS, 25, async () => {
      const peer = await RawPeer.open(port)
      peer.write(...tiny)
      const code = await peer.end()
      peer.destroy()
      return String(code)
    })
    expect(counted(tries)).toEqual({ 1008: tries.length })
  })
})

test('a flood of commands is refused by rate, and then closed', async () => {
  await honest.areUnharmedBy(async () => {
    for (const until = performance.now() + A_WHILE_MS; performance.now() < until;) {
      const { socket } = mallory
      for (let no = 0; no < 380; no++) socket.send({ t: 'cmd', id: `f${String(no)}`, name: 'wallet.balances' })
      expect(await socket.closed).toBe(4505)
      await back()
    }
  })
})

test('who reads nothing is let go once its queue is full, and gets in again', async () => {
  const other = await RawPhone.make(stack.dev())
  const mine = Array.from({ length: 100 }, async () => {
    const key = random(18)
    return mallory.must('transfer.create', await mallory.transferBody(other.user, '1', key), key)
  })
  await Promise.all(mine)
  await honest.areUnharmedBy(async () => {
    const { socket } = mallory
    socket.pause()
    let gone = false
    void socket.closed.then(() => (gone = true))
    const until = performance.now() + FILLING_MS
    // Once the edge has given it up and cut the connection, what is written here tells so.
    for (let no = 0; !gone && performance.now() < until; no++) {
      socket.send({ t: 'cmd', id: `l${String(no)}`, name: 'payment.list', body: { limit: 100 } })
      await delay(25)
    }
    socket.resume()
    expect([4002, 1006]).toContain(await socket.closed)
    await back()
  })
  await other.socket.close()
})

test('of one confirmation sent many times at once one pays', async () => {
  await honest.areUnharmedBy(async () => {
    const order = { kind: 'transfer' as const, payee: victim.user, amount: '1', source: 'wallet' }
    const key = random(18)
    const confirmation = await mallory.confirmation({ ...order, subject: { key } })
    const body = { to: victim.user, amount: '1', currency: mallory.dev.currency, confirmation }
    const replies = await Promise.all(
      Array.from({ length: 40 }, () => mallory.socket.command('transfer.create', body, key)),
    )
    const paid = replies.filter(({ ok, replayed }) => ok && replayed !== true)
    expect([paid.length, tally(replies)]).toEqual([1, { granted: 40 }])
    // The same signature for another key says something else.
    const others = await Promise.all(
      Array.from({ length: 40 }, () => mallory.socket.command('transfer.create', body, random(18))),
    )
    expect(tally(others)).toEqual({ confirmation_replayed: 40 })
    await delay(A_WHILE_MS)
  })
})

test('of a flood of guesses at a PIN five are judged', async () => {
  const covered = {}
  const action = await mallory.action(covered, { name: 'pin.set' })
  await mallory.must('pin.set', { pin: PIN, action }, random(18))
  const above = (BigInt(mallory.dev.pin_above) + 1n).toString()
  let wrong = 0
  await honest.areUnharmedBy(async () => {
    const replies = await steadily(A_WHILE_MS, 40, async (no): Promise<Reply> => {
      const key = random(18)
      const body = await mallory.transferBody(victim.user, above, key)
      return mallory.socket.command('transfer.create', { ...body, pin: String(3_001 + no) }, key)
    })
    const { pin_wrong = 0, pin_locked = 0 } = tally(replies)
    wrong += pin_wrong
    expect(pin_wrong + pin_locked).toBe(replies.length)
  })
  expect(wrong).toBe(5)
})

test('whoever walks phone numbers is stopped after a few, and learns of none that is not there', async () => {
  await honest.areUnharmedBy(async () => {
    const replies = await steadily(A_WHILE_MS, 30, () =>
      mallory.socket.command('payee.resolve', { phone: randomNumber() }),
    )
    const codes = counted(replies.map(codeOf))
    expect(Object.keys(codes).filter((code) => code !== 'not_found' && code !== 'rate_limited')).toEqual([])
    expect(codes['not_found'] ?? 0).toBeLessThanOrEqual(25)
    expect(codes['rate_limited']).toBeGreaterThan(0)
  })
})
