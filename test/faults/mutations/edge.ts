import { broken, type Mutation } from '../../support/mutations/mutation.ts'

/** How an edge keeps its sockets: who may stay, what each is told and when, and how it leaves. */

const PATH = 'test/edge/path.nats.test.ts'
const UWS = 'src/edge/transport/uws.ts'
const mailbox = broken('src/actor/mailbox.ts', 'test/actor/mailbox.test.ts')
const actor = broken('src/edge/session-actor.ts', 'test/edge/session.nats.test.ts')
const actors = broken('src/edge/session-actor.ts', 'test/edge/actors.nats.test.ts')
const feed = broken('src/edge/feed.ts', 'test/edge/actors.nats.test.ts')
const follower = broken('src/edge/follower.ts', 'test/edge/follower.test.ts')
const place = broken('src/edge/place.ts', 'test/edge/feed.nats.test.ts')
const renewal = broken('src/edge/renewal.ts', 'test/edge/renewal.nats.test.ts')
const parts = broken('src/edge/snapshot-parts.ts', 'test/edge/snapshot-parts.test.ts')
const uws = broken(UWS, 'test/edge/transport.test.ts')
const door = broken('src/edge/transport/door.ts', 'test/edge/transport.test.ts')

export const EDGE: readonly Mutation[] = [
  mailbox('handles a message while it handles another', "if (this.#at === 'work') return this.#wait(message)", ''),
  mailbox('lets a mailbox grow', 'this.#waiting.length >= this.#capacity', 'this.#waiting.length < 0'),
  mailbox('forgets that a mailbox overflowed', 'this.#overflowed = true', ''),
  mailbox(
    'tells whoever posted that the actor failed',
    'this.#actor.failed(error)\n    }\n  }\n\n  #handleWaiting',
    'throw error\n    }\n  }\n\n  #handleWaiting',
  ),
  mailbox(
    'handles what waits though it was stopped',
    "this.#at = 'stopped'\n    this.#waiting = null",
    "this.#at = 'stopped'",
  ),
  actors(
    'keeps a session that lost a message',
    "this.#core.end(ending(CLOSE.overloaded, 'too much",
    "if (this.#commands.inFlight < 0) this.#core.end(ending(CLOSE.overloaded, 'too much",
  ),
  actors(
    'keeps a session that failed',
    "this.#core.end(ending(CLOSE.internal, 'this session failed'",
    "if (this.#commands.inFlight < 0) this.#core.end(ending(CLOSE.internal, 'this session failed'",
  ),
  feed('loses events of a feed without a word', '    this.#tell(TOO_MUCH)\n', ''),
  feed(
    'goes on after a feed failed as if nothing were lost',
    "    this.#tell({ type: 'resync', reason: 'the event stream failed' })\n",
    '',
  ),
  feed(
    'hears nothing and says nothing where a feed is full',
    "if (!this.#mailbox.post({ type: 'join', listener })) listener(TOO_MUCH)",
    "this.#mailbox.post({ type: 'join', listener })",
  ),
  renewal('takes a proof over a nonce that was used', '  live.nonce = null\n', ''),
  renewal('takes a proof over the nonce before again and again', '    live.nonceBefore = null\n', ''),
  renewal('shuts out whose proof crossed a ping', 'claimedNonce(proof) === nonceBefore', 'false'),
  renewal(
    'takes the token of another device',
    '!isSame(holderOf(known.value), live.identity.holder)',
    'feedOf(holderOf(known.value)) !== feedOf(live.identity.holder)',
  ),
  renewal(
    'asks with the old token when it has a newer one',
    '...live.identity, token, expiresAt_ms',
    '...live.identity, expiresAt_ms',
  ),
  renewal(
    'ends a session whose newer token nobody can tell about',
    'if (REFUSED.has(known.error.code)) port.end(known.error)',
    'port.end(known.error)',
  ),
  {
    name: 'ends a session with its first token',
    tests: ['test/edge/renewal.nats.test.ts'],
    edits: [
      {
        file: 'src/edge/session-actor.ts',
        from: 'if (core.identity?.expiresAt_ms === message.expiresAt_ms) core.end(TOKEN_EXPIRED)',
        to: 'core.end(TOKEN_EXPIRED)',
      },
      { file: 'src/edge/renewal.ts', from: 'if (live.expiry !== null) clearTimeout(live.expiry)\n', to: '' },
    ],
  },
  broken('src/edge/session-actor.ts', 'test/edge/renewal.nats.test.ts')(
    'forgets a token that ends long after it came',
    'if (live?.expiry === null) awaitExpiry(this.#core, live)',
    '',
  ),
  broken('src/edge/session-actor.ts', 'test/edge/renewal.nats.test.ts')(
    'proves by a nonce for ever',
    'live.nonce = this.#core.context.nonce()',
    'live.nonce ??= this.#core.context.nonce()',
  ),
  actor('closes at once though it said to come back later', "if (state.at !== 'draining' || state.due) this", 'this'),
  actor('leaves the commands in flight when it drains', ' || this.#commands.inFlight > 0) return', ') return'),
  broken('src/edge/edge.ts', 'test/edge/session.nats.test.ts')(
    'sends everybody elsewhere at the same moment',
    'Math.round(Math.random() * spread_ms)',
    'Math.round(spread_ms)',
  ),
  place(
    'tells events between the parts of a snapshot',
    '      this.#sendParts()\n    } else',
    '      this.#follower.follow(opened.epoch, opened.seq, opened.seq)\n      this.#sendParts()\n    } else',
  ),
  place(
    'sends a snapshot faster than a phone reads',
    'this.#snapshot !== null && this.hasRoom()',
    'this.#snapshot !== null',
  ),
  follower(
    'forgets a head that is verified during a snapshot',
    'if (!this.#ended) this.#sequencer.expect(head)',
    'if (!this.#ended && this.#epoch !== null) this.#sequencer.expect(head)',
  ),
  follower(
    'takes a page that was not asked for',
    "if (this.#fill?.waits !== 'page') return",
    'if (this.#fill === null) return',
  ),
  follower(
    'leaves whoever verifies without an answer when it ends',
    '    this.#ended = true\n    this.#filled()',
    '    this.#ended = true',
  ),
  follower(
    'leaves whoever verifies without an answer while a phone takes nothing',
    '        this.#tellVerifying()\n        return\n',
    '        return\n',
  ),
  follower(
    'has whoever verifies wait until a phone takes something',
    'this.#sequencer.missing === null || this.waitsForRoom',
    'this.#sequencer.missing === null',
  ),
  broken('src/edge/verification.ts', 'test/edge/feed.nats.test.ts')(
    'has a phone that is slow resume for what waits for it',
    'place.waitsForRoom ? place.last : ',
    '',
  ),
  broken('tools/servers/nats.ts', PATH)(
    'lets an edge say that a device was revoked',
    '`cmd.${area}.*`), DEVICE_REPLACED]',
    "`cmd.${area}.*`), edgeControlSubject('all'), DEVICE_REPLACED]",
  ),
  broken('src/edge/control.ts', PATH)(
    'takes what another edge says for what the relay does',
    'hear(DEVICE_REPLACED, Replaced, heard.replaced)',
    'hear(DEVICE_REPLACED, Replaced, heard.replaced),\n    hear(DEVICE_REPLACED, Control, heard.control)',
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
  door('lets connections in without number', 'if (this.#open > this.#most) return false\n', ''),
  broken('src/edge/session-actor.ts', 'test/edge/feed.nats.test.ts')(
    'has an ack of each event of a replay be abuse',
    'if (last > this.#told) this.#frameRate.give(last - this.#told, limits.replay_events)',
    '',
  ),
  broken('src/edge/token-bucket.ts', 'test/edge/rules.test.ts')(
    'gives frames without end',
    'this.#rate.burst + beyond, ',
    '',
  ),
  broken('src/edge/transport/uws.ts', 'test/edge/transport.test.ts')(
    'takes an empty Origin for none',
    "const origin = headers.get('origin')",
    "const origin = headers.get('origin') || undefined",
  ),
  broken('src/edge/transport/handshake.ts', 'test/edge/transport.test.ts')(
    'lets any page open a socket',
    '!allowedOrigins.has(request.origin)',
    'request.origin === allowedOrigins.values().next().value',
  ),
]
