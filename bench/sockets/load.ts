import { createHash, createPrivateKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { Job, nowUs, Setup, type Dialect, type Done } from './load-messages.ts'
import { deviceOf, jws, keyOf, userOf } from './people.ts'

/** Some thousand phones in a process of their own: the load must not use the processor time it measures. */

const TOKEN_S = 900
const MARK = /"available":"(\d+)"/
const RETRY_MS = { least: 500, spread: 2_000 }

const setup = Setup.parse(JSON.parse(process.argv[2] ?? ''))
const deviceKey = keyOf(setup.people)
const issuer = readIssuer(join(setup.keysDir, 'hub', 'tokens.jwk.json'))
const sockets = new Map<number, WebSocket>()
let ready = 0
let closed: Record<string, number> = {}
let received: [number, number][] = []

process.on('message', (told) => {
  work(Job.parse(told)).then(
    () => {
      process.send?.({ open: ready, closed, received } satisfies Done)
      closed = {}
      received = []
    },
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})
process.on('disconnect', () => process.exit(0))

async function work(job: Job): Promise<void> {
  if (job.do === 'take') return
  if (job.do === 'close') {
    for (let n = job.from; n < job.to; n++) {
      sockets.get(n)?.terminate()
      sockets.delete(n)
    }
    while (ready > sockets.size) await delay(20)
    return
  }
  const began = performance.now()
  let next = job.from
  const lane = async () => {
    while (next < job.to) {
      const n = next++
      if (job.perSecond > 0) {
        const due = ((n - job.from) / job.perSecond) * 1_000 - (performance.now() - began)
        if (due > 0) await delay(due)
      }
      // One that is turned away comes back after a while, as phones do.
      while (!(await open(job.dialect, job.port, n))) await delay(RETRY_MS.least + Math.random() * RETRY_MS.spread)
    }
  }
  await Promise.all(Array.from({ length: job.atOnce }, lane))
}

/** Whether the socket came to be ready. */
function open(dialect: Dialect, port: number, n: number): Promise<boolean> {
  const path = { bare: '/', 'socket-io': '/socket.io/', ours: '/v1/socket' }[dialect]
  const query =
    dialect === 'ours' ? '' : `?user=${userOf(n)}${dialect === 'socket-io' ? '&EIO=4&transport=websocket' : ''}`
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}${query}`, dialect === 'ours' ? 'mooring.v1' : [], {
    perMessageDeflate: false,
    localAddress: setup.address,
  })
  return new Promise((resolve) => {
    let isReady = false
    const becomeReady = () => {
      isReady = true
      ready++
      sockets.set(n, socket)
      resolve(true)
    }
    socket.on('close', (code) => {
      if (isReady) ready--
      if (sockets.get(n) === socket) {
        sockets.delete(n)
        closed[code] = (closed[code] ?? 0) + 1
      } else if (!isReady) closed[code] = (closed[code] ?? 0) + 1
      resolve(false)
    })
    socket.on('error', () => {})
    if (dialect === 'bare') socket.once('open', becomeReady)
    socket.on('message', (data) => {
      if (!Buffer.isBuffer(data)) return
      const text = data.toString('latin1')
      const mark = MARK.exec(text)?.[1]
      if (mark !== undefined && isReady && !text.startsWith('{"t":"snapshot"')) received.push([Number(mark), nowUs()])
      else if (dialect === 'socket-io') answerSocketIo(socket, text, becomeReady)
      else if (dialect === 'ours') answerOurs(socket, text, n, becomeReady)
    })
  })
}

/** Engine.IO 4 and the default namespace of Socket.IO 5, by hand. */
function answerSocketIo(socket: WebSocket, text: string, becomeReady: () => void): void {
  if (text.startsWith('0')) socket.send('40')
  else if (text.startsWith('40')) becomeReady()
  else if (text === '2') socket.send('3')
}

const Frame = z.looseObject({ t: z.string(), nonce: z.string().optional(), n: z.number().optional() })

function answerOurs(socket: WebSocket, text: string, n: number, becomeReady: () => void): void {
  if (text.startsWith('{"t":"event"') || text.startsWith('{"t":"snapshot"')) return
  const frame = Frame.parse(JSON.parse(text))
  if (frame.t === 'challenge') socket.send(JSON.stringify(hello(n, frame.nonce ?? '')))
  else if (frame.t === 'ready') becomeReady()
  else if (frame.t === 'ping') socket.send(JSON.stringify({ t: 'pong', n: frame.n }))
}

function hello(n: number, nonce: string): object {
  const token = accessToken(n)
  const ath = createHash('sha256').update(token).digest('base64url')
  const header = { typ: 'mooring-proof+jwt', kid: deviceOf(n) }
  const proof = jws(deviceKey, header, { aud: 'mooring:socket', nonce, ath })
  return { t: 'hello', token, proof, agent: 'bench/1.0' }
}

/** As the hub issues it: its key is at hand, and 15,000 sign-ups are not what is measured. */
function accessToken(n: number): string {
  const iat = Math.floor(Date.now() / 1_000)
  const claims = {
    env: 'test',
    dev: deviceOf(n),
    cnf: { jkt: setup.people.jkt },
    iss: 'mooring:hub',
    aud: 'mooring:api',
  }
  const header = { typ: 'at+jwt', kid: issuer.kid }
  return jws(issuer.key, header, { ...claims, sub: userOf(n), iat, exp: iat + TOKEN_S })
}

function readIssuer(path: string): { kid: string; key: KeyObject } {
  const jwk = z
    .looseObject({ kid: z.string(), kty: z.string(), crv: z.string(), x: z.string(), y: z.string(), d: z.string() })
    .parse(JSON.parse(readFileSync(path, 'utf8')))
  const { kty, crv, x, y, d } = jwk
  return { kid: jwk.kid, key: createPrivateKey({ key: { kty, crv, x, y, d }, format: 'jwk' }) }
}
