import { broken, type Mutation } from '../../support/mutations/mutation.ts'

/** Who is counted at the doors, and against what. */

const BRIDGE = 'test/bridge/doors.nats.test.ts'
const address = broken('src/domain/address.ts', 'test/domain/address.test.ts')
const forwarded = broken('src/domain/forwarded.ts', 'test/domain/forwarded.test.ts')
const proxies = broken('src/config/proxies.ts', 'test/config/proxies.test.ts')
const known = broken('src/bridge/known-keys.ts', BRIDGE)
const merchants = broken('src/bridge/routes/merchant-door.ts', BRIDGE)
const addresses = broken('src/bridge/address-cap.ts', BRIDGE)
const door = broken('src/edge/transport/door.ts', 'test/edge/proxied.test.ts')
const ws = broken('src/edge/transport/ws.ts', 'test/edge/proxied.test.ts')
const uws = broken('src/edge/transport/uws.ts', 'test/edge/proxied.test.ts')

export const DOORS: readonly Mutation[] = [
  addresses('counts sign-ups by no network', 'networkOf(address)', 'address'),
  broken('src/identity/enrolment-store.ts', 'test/identity/enrolment.pg.test.ts')(
    'lets sign-ups of one range hold all connections',
    'lanes.run(numberPrefix(input.phone), () => beginInTurn(sql, input))',
    'beginInTurn(sql, input)',
  ),
  broken('src/bridge/routes/callbacks.ts', BRIDGE)(
    'takes callbacks from one address without end',
    'if (refusal !== null) return sendRefusal(reply, refusal)',
    '',
  ),
  address('counts each address of an IPv6 subscriber by itself', 'groups.slice(0, 4).map', 'groups.slice(0, 8).map'),
  address(
    'counts an IPv4 address apart where it is written as IPv6',
    'if (dotted !== null) return dotted\n',
    'if (dotted !== null) return address\n',
  ),
  address('lifts the caps for everybody', "if (caps === 'off' && isLoopback(address))", "if (caps === 'off')"),
  forwarded('believes anybody who says whose request it is', ' || !isProxy(peer)', ''),
  forwarded('takes what a client wrote itself for its address', 'hops.findLastIndex', 'hops.findIndex'),
  forwarded('takes a balancer of ours for the client', 'hop === null || !isProxy(hop)', 'true'),
  forwarded('passes over what is no address', 'hop === null || !isProxy(hop)', 'hop !== null && !isProxy(hop)'),
  proxies('trusts everybody where the list says so', '([1-9]\\d{0,2})', '(0|[1-9]\\d{0,2})'),
  proxies(
    'starts with a list of balancers that it cannot read',
    "context.addIssue({ code: 'custom', message })",
    'void message',
  ),
  merchants('lets anybody try as many secret keys as they can make up', '!(await deps.keys.isGood(key))', 'false'),
  merchants('counts a merchant’s every request against its address', '!(await deps.keys.isGood(key))', 'true'),
  merchants('counts a merchant’s first requests each by itself', "reply.raw.once('close', deps.keys.ask(key))", ''),
  merchants(
    'waits for what a hub will never be asked',
    "reply.raw.once('close', deps.keys.ask(key))",
    'void deps.keys.ask(key)',
  ),
  known('takes a key for known by a hub that never looked at it', ' || BEFORE_THE_KEY.has(code)', ''),
  known(
    'takes a key for known that a hub refused',
    "!(code === 'unauthenticated' || BEFORE_THE_KEY.has(code))",
    '!BEFORE_THE_KEY.has(code)',
  ),
  known('knows a key that was revoked', "if (good || code === 'unauthenticated') this", 'if (good) this'),
  known('knows a key for ever', '> this.#clock.monotonic()) return true', '> 0) return true'),
  known(
    'waits for another’s request for as long as it takes',
    'settle(false), BRIDGE_LIMITS.key_wait_ms)',
    'settle(false), 3_600_000)',
  ),
  broken('src/bridge/known-keys.ts', 'test/bridge/known-keys.test.ts')(
    'remembers keys without number',
    'this.#goodUntil.size <= BRIDGE_LIMITS.keys_known',
    'this.#goodUntil.size > 0',
  ),
  addresses(
    'counts requests by the address as it is written',
    'capAddress(this.of(request), this.#caps)',
    'this.of(request)',
  ),
  addresses(
    'counts everybody behind a balancer as one',
    'const header = typeof',
    'const header = this.#caps === null && typeof',
  ),
  door('counts the balancer in place of who is behind it', 'if (this.#isProxy(peer)) return true', ''),
  door('counts nobody behind a balancer', 'return this.#places.enter(address)\n    return', 'return true\n    return'),
  ws('counts the balancer’s connections as one client’s', 'if (isProxy(peer)) return\n', ''),
  ws(
    'counts no client behind a balancer',
    'if (!connections.enter(address)) {',
    'if (!connections.enter(address) && limits.connections < 0) {',
  ),
  ws('keeps the place of a client that has gone', "stream.on('close', () => connections.leave(address))", ''),
  uws(
    'reads the header that the client sent in place of the balancer’s',
    "headers.get('x-forwarded-for'), isProxy",
    "request.getHeader('x-forwarded-for'), isProxy",
  ),
  broken('src/proc/bridge.ts', 'test/bridge/process.nats.test.ts')(
    'starts a bridge without its balancers',
    'proxies: env.MOORING_PROXIES',
    'proxies: () => false',
  ),
  broken('src/proc/edge.ts', 'test/edge/path.nats.test.ts')(
    'starts an edge without its balancers',
    'isProxy: env.MOORING_PROXIES',
    'isProxy: () => false',
  ),
]
