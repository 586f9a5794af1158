import { broken, type Mutation } from '../../support/mutations/mutation.ts'

/** How an edge keeps its sockets: who may stay, what each is told and when, and how it leaves. */

const SESSION = 'src/edge/session.ts'
const UWS = 'src/edge/transport/uws.ts'
const session = broken(SESSION, 'test/edge/session.nats.test.ts')
const feeds = broken(SESSION, 'test/edge/feed.nats.test.ts')
const parts = broken('src/edge/snapshot-parts.ts', 'test/edge/snapshot-parts.test.ts')
const uws = broken(UWS, 'test/edge/transport.test.ts')
const door = broken('src/edge/transport/door.ts', 'test/edge/transport.test.ts')

export const EDGE: readonly Mutation[] = [
  session('takes a proof over a nonce that was used', '    live.nonce = null\n', ''),
  session(
    'takes the token of another device',
    'user !== live.identity.user || device !== live.identity.device',
    'user !== live.identity.user',
  ),
  session('asks with the old token when it has a newer one', 'token: frame.token, expiresAt_ms', 'expiresAt_ms'),
  session(
    'ends a session whose newer token nobody can tell about',
    'if (REFUSED.has(known.error.code)) this.end(known.error)',
    'this.end(known.error)',
  ),
  session(
    'ends a session with its first token',
    'if (live.identity.expiresAt_ms === at_ms) this.#expire()',
    'this.#expire()',
  ),
  session(
    'proves by a nonce for ever',
    'state.live.nonce = this.#context.nonce()',
    'state.live.nonce ??= this.#context.nonce()',
  ),
  session(
    'closes at once though it said to come back later',
    "if (this.#state.at !== 'draining' || this.#state.due) {",
    '{',
  ),
  session('leaves the commands in flight when it drains', ' || this.#commands.inFlight > 0) return', ') return'),
  broken('src/edge/edge.ts', 'test/edge/session.nats.test.ts')(
    'sends everybody elsewhere at the same moment',
    'Math.round(Math.random() * spread_ms)',
    'Math.round(spread_ms)',
  ),
  feeds(
    'tells events between the parts of a snapshot',
    "if (mode === 'snapshot' && !(await this.#snapshot(feed, opened))) return",
    "if (mode === 'snapshot') void this.#snapshot(feed, opened)",
  ),
  feeds('sends a snapshot faster than a phone reads', 'if (!(await this.#out.room())) return false\n', ''),
  broken('src/edge/follower.ts', 'test/edge/follower.test.ts')(
    'forgets a head that is verified during a snapshot',
    'if (this.#ended) return\n    this.#sequencer.expect(head)',
    'if (this.#ended || this.#epoch === null) return\n    this.#sequencer.expect(head)',
  ),
  broken('src/edge/heartbeat.ts', 'test/edge/rules.test.ts')(
    'pings while a ping waits for the hub',
    ' || this.#underWay',
    '',
  ),
  parts('sends a snapshot in one part, however long', 'if (bytes > room && page.length > 0) close()', ''),
  parts('calls every part the last', 'last: i + 1 === bodies.length', 'last: true'),
  broken('src/edge/sequencer.ts', 'test/edge/sequencer.test.ts')(
    'lets an event out before one that is missing',
    'if (this.#last !== null && event.seq === this.#last + 1) {',
    'if (this.#last !== null && event.seq > this.#last) {',
  ),
  uws('drops what a slow phone has not read yet', 'maxBackpressure: 0,', 'maxBackpressure: 65_536,'),
  uws('speaks to a socket that is gone', 'gone(): void {\n    this.#handle = null', 'gone(): void {'),
  uws('hears what is too long', 'data.byteLength > limits.frame_bytes', 'data.byteLength < 0'),
  door(
    'counts a socket that has ended',
    'this.#places.leave(address)\n      this.left()\n    }\n  }',
    'this.left()\n    }\n  }',
  ),
  door('counts no socket that was closed and keeps its connection', 'if (half) {', 'if (this.#most < 0) {'),
  door('lets connections in without number', 'this.#open > this.#most || ', ''),
  broken('src/edge/transport/handshake.ts', 'test/edge/transport.test.ts')(
    'lets any page open a socket',
    '!allowedOrigins.has(request.origin)',
    'request.origin === allowedOrigins.values().next().value',
  ),
]
