import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { RailOutcome, SendOptions } from '../../src/rails/port.ts'
import { makeAuthority, makeOrder, report, startBank, type TestBank } from './support/bank.ts'

/** not_sent is a proof, unknown is everything after the first byte (payments.md rule 7, connectors.md §0). */

let bank: TestBank
const closing: (() => Promise<void>)[] = []

beforeEach(async () => {
  bank = await startBank()
})
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
  await bank.close()
})

const options = (more: Partial<SendOptions> = {}): SendOptions => ({
  signal: AbortSignal.timeout(5_000),
  mayWrite: () => true,
  ...more,
})

async function listenRaw(
  onConnection: (socket: Socket) => void,
): Promise<{ url: string; server: Server; sockets: Socket[] }> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    onConnection(socket)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, 'localhost', resolve)
  })
  closing.push(
    () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  )
  return { url: `https://localhost:${(server.address() as AddressInfo).port}`, server, sockets } // a TCP server's address
}

/** A wire to the bank that tells how the connector's end of it ended, and can be cut: then nothing more is carried. */
async function listenWire(): Promise<{ url: string; ending: Promise<string>; cut(): void }> {
  let carry = true
  let ended: (how: string) => void
  const ending = new Promise<string>((resolve) => {
    ended = resolve
  })
  const { url } = await listenRaw((socket) => {
    const onward = connect(bank.port, 'localhost')
    onward.on('error', () => {})
    onward.pipe(socket, { end: false })
    socket.on('data', (bytes) => {
      if (carry) onward.write(bytes)
    })
    socket.once('error', (error) => ended('code' in error ? String(error.code) : error.message))
    socket.once('end', () => ended('end'))
    socket.once('close', () => onward.destroy())
  })
  return {
    url,
    ending,
    cut: () => {
      carry = false
    },
  }
}

const settles: TestBank['script'] = ({ question, reply }) => {
  const order = orders.find(({ reference }) => question.body.includes(reference))
  if (order !== undefined) reply(200, report(order))
}
const orders: ReturnType<typeof makeOrder>[] = []
const newOrder = () => {
  const order = makeOrder()
  orders.push(order)
  return order
}

describe('a call is not_sent', () => {
  it('when the host does not resolve', async () => {
    const rail = bank.makeRail({ baseUrl: 'https://bank.invalid' })
    const mayWrite = vi.fn(() => true)
    expect(await rail.send(newOrder(), options({ mayWrite }))).toMatchObject({ kind: 'not_sent' })
    expect(mayWrite).not.toHaveBeenCalled()
  })

  it('when the connection is refused', async () => {
    const { url, server } = await listenRaw(() => {})
    await new Promise((resolve) => server.close(resolve))
    closing.splice(0)
    expect(await bank.makeRail({ baseUrl: url }).send(newOrder(), options())).toEqual({
      kind: 'not_sent',
      why: 'ECONNREFUSED',
    })
  })

  it('when the peer hangs up during the handshake', async () => {
    const { url } = await listenRaw((socket) => socket.once('data', () => socket.resetAndDestroy()))
    expect(await bank.makeRail({ baseUrl: url }).send(newOrder(), options())).toMatchObject({ kind: 'not_sent' })
  })

  it('when the peer does not speak TLS', async () => {
    const { url } = await listenRaw((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    expect(await bank.makeRail({ baseUrl: url }).send(newOrder(), options())).toMatchObject({ kind: 'not_sent' })
  })

  it('when the handshake never ends before the deadline, and nothing is written afterwards', async () => {
    const { url, sockets } = await listenRaw(() => {})
    const sending = bank.makeRail({ baseUrl: url }).send(newOrder(), options({ signal: AbortSignal.timeout(300) }))
    expect(await sending).toEqual({ kind: 'not_sent', why: 'deadline passed' })
    expect(sockets).toHaveLength(1)
  })

  it('when the server’s certificate is of another CA', async () => {
    const stranger = await startBank({ serverAuthority: await makeAuthority('Stranger') })
    closing.push(stranger.close)
    expect(await stranger.rail.send(newOrder(), options())).toMatchObject({ kind: 'not_sent' })
    expect(stranger.questions).toEqual([])
  })

  it('when the fence says no at the last moment, and the connection stays good for the next', async () => {
    bank.script = settles
    const rail = bank.makeRail({ connectionsMax: 1 })
    expect(await rail.send(newOrder(), options())).toMatchObject({ kind: 'settled' })
    const onSent = vi.fn()
    expect(await rail.send(newOrder(), options({ mayWrite: () => false, onSent }))).toEqual({
      kind: 'not_sent',
      why: 'too late to write',
    })
    expect(onSent).not.toHaveBeenCalled()
    expect(bank.questions).toHaveLength(1)
    expect(await rail.send(newOrder(), options())).toMatchObject({ kind: 'settled' })
    expect(bank.connections).toHaveLength(1)
  })

  it('when the rail has been closed', async () => {
    const rail = bank.makeRail()
    await rail.close()
    expect(await rail.send(newOrder(), options())).toMatchObject({ kind: 'not_sent' })
  })

  it('when the deadline passes in the queue for a connection, and it is not written when its turn comes', async () => {
    const rail = bank.makeRail({ connectionsMax: 1 })
    let release = (): void => {}
    bank.script = (call) => {
      release = () => settles(call)
    }
    const first = rail.send(newOrder(), options())
    await vi.waitFor(() => expect(bank.questions).toHaveLength(1), 10_000)
    const queued = newOrder()
    expect(await rail.send(queued, options({ signal: AbortSignal.timeout(100) }))).toEqual({
      kind: 'not_sent',
      why: 'deadline passed',
    })
    release()
    expect(await first).toMatchObject({ kind: 'settled' })
    bank.script = settles
    expect(await rail.send(newOrder(), options())).toMatchObject({ kind: 'settled' })
    expect(bank.questions.some(({ body }) => body.includes(queued.reference))).toBe(false)
  })

  it('when the order cannot be written as a message', async () => {
    expect(await bank.rail.send(makeOrder({ mandate: null }), options())).toMatchObject({ kind: 'not_sent' })
    expect(await bank.rail.send(makeOrder({ reference: 'a b' }), options())).toMatchObject({ kind: 'not_sent' })
    expect(bank.connections).toEqual([])
  })
})

describe('a call is unknown', () => {
  it('when the connection is reset before an answer', async () => {
    bank.script = ({ socket }) => socket.destroy()
    expect(await bank.rail.send(newOrder(), options())).toMatchObject({ kind: 'unknown' })
  })

  it('when the connection closes in the middle of the answer', async () => {
    bank.script = ({ response, socket }) => {
      response.writeHead(200, { 'content-type': 'application/xml', 'content-length': '1000' })
      response.write('<?xml', () => socket.destroy())
    }
    expect(await bank.rail.send(newOrder(), options())).toMatchObject({ kind: 'unknown' })
  })

  it('when a kept connection is closed by the server just as it is used', async () => {
    bank.script = settles
    const rail = bank.makeRail({ connectionsMax: 1 })
    await rail.send(newOrder(), options())
    const [connection] = bank.connections
    // The server's kernel resets what arrives; the client cannot know whether it was read.
    const outcome = await rail.send(
      newOrder(),
      options({
        mayWrite: () => {
          connection?.destroy()
          return true
        },
      }),
    )
    expect(outcome).toMatchObject({ kind: 'unknown' })
    expect(bank.questions).toHaveLength(1)
  })

  it('when the server refuses our certificate, which TLS 1.3 tells only after we wrote', async () => {
    const stranger = await startBank({ clientAuthority: await makeAuthority('Stranger') })
    closing.push(stranger.close)
    expect(await stranger.rail.send(newOrder(), options())).toMatchObject({ kind: 'unknown' })
    expect(stranger.questions).toEqual([])
  })

  it('when the deadline passes after the write: the connection is reset', async () => {
    const wire = await listenWire()
    bank.script = () => {}
    const deadline = new AbortController()
    const onSent = vi.fn(() => undefined)
    const sending = bank.makeRail({ baseUrl: wire.url }).send(newOrder(), options({ signal: deadline.signal, onSent }))
    await vi.waitFor(() => expect(bank.questions).toHaveLength(1), 10_000)
    deadline.abort()
    expect(await sending).toEqual({ kind: 'unknown', why: 'deadline passed', alarm: false })
    expect(onSent).toHaveBeenCalledTimes(1)
    expect(await wire.ending).toBe('ECONNRESET')
  })

  it('when the deadline passes while the peer does not read: nothing of the request arrives later', async () => {
    const wire = await listenWire()
    bank.script = settles
    const deadline = new AbortController()
    const sending = bank.makeRail({ baseUrl: wire.url }).send(
      newOrder(),
      options({
        signal: deadline.signal,
        mayWrite: () => {
          wire.cut()
          return true
        },
        onSent: () => deadline.abort(),
      }),
    )
    expect(await sending).toMatchObject({ kind: 'unknown' })
    expect(await wire.ending).toBe('ECONNRESET')
    expect(bank.questions).toEqual([])
  })

  it('and a hundred resets in all stages leave the process and the pool whole', async () => {
    bank.script = () => {}
    const rail = bank.makeRail({ connectionsMax: 8 })
    const abortedAfter = (turns: number) => {
      const deadline = new AbortController()
      const tick = (left: number): void => {
        if (left === 0) deadline.abort()
        else setImmediate(() => tick(left - 1))
      }
      return rail.send(newOrder(), options({ signal: deadline.signal, onSent: () => tick(turns) }))
    }
    const outcomes = await Promise.all(Array.from({ length: 100 }, (_, i) => abortedAfter(i % 5)))
    expect(outcomes.every(({ kind }) => kind === 'unknown')).toBe(true)
    bank.script = settles
    expect(await rail.send(newOrder(), options())).toMatchObject({ kind: 'settled' })
  })

  it.each([301, 302, 307, 308])('when redirected by %i, which is never followed', async (status) => {
    bank.script = ({ response }) => response.writeHead(status, { location: `${bank.url}/elsewhere` }).end()
    expect(await bank.rail.send(newOrder(), options())).toMatchObject({ kind: 'unknown' })
    expect(bank.questions).toHaveLength(1)
  })

  it('when the answer is larger than 64 KiB', async () => {
    bank.script = ({ reply }) => reply(200, ' '.repeat(70_000))
    expect(await bank.rail.send(newOrder(), options())).toMatchObject({ kind: 'unknown' })
  })

  it.each([429, 500, 502, 503, 504])('when %i comes back unsigned', async (status) => {
    bank.script = ({ response }) => response.writeHead(status, { 'content-type': 'text/html' }).end('<html>')
    const outcome: RailOutcome = await bank.rail.send(newOrder(), options())
    expect(outcome).toMatchObject({ kind: 'unknown', alarm: false })
  })
})

it('sends once and tells once, asking the fence after the handshake', async () => {
  bank.script = settles
  const events: string[] = []
  const outcome = await bank.rail.send(
    newOrder(),
    options({
      mayWrite: () => {
        events.push(`may write, ${bank.questions.length} seen`)
        return true
      },
      onSent: () => events.push('sent'),
    }),
  )
  expect(outcome).toMatchObject({ kind: 'settled', evidence: { via: 'answer', id: 'STS1', railReference: 'ASREF1' } })
  expect(events).toEqual(['may write, 0 seen', 'sent'])
  expect(bank.connections).toHaveLength(1)
})

it('keeps to its number of connections and reuses them', async () => {
  bank.script = settles
  const rail = bank.makeRail({ connectionsMax: 3 })
  const outcomes = await Promise.all(Array.from({ length: 30 }, () => rail.send(newOrder(), options())))
  expect(outcomes.every(({ kind }) => kind === 'settled')).toBe(true)
  expect(bank.connections.length).toBeLessThanOrEqual(3)
})
