import { broken, type Mutation } from '../../support/mutations/mutation.ts'

/** Which phone may spend: PINs, devices that are let in and shut out, limits after a new one. */

const pins = broken('src/identity/pins.ts', 'test/identity/pins.pg.test.ts')
const lanes = broken('src/domain/lanes.ts', 'test/identity/pins.pg.test.ts')
const COMMANDS = 'src/payments/commands'
const pin = (file: string) => broken(`${COMMANDS}/${file}`, 'test/payments/pin.pg.test.ts')
const devices = broken(`${COMMANDS}/trust.ts`, 'test/payments/devices.pg.test.ts')
const relay = broken('src/outbox/publisher.ts', 'test/outbox/relay.pg.test.ts')
const linking = broken(`${COMMANDS}/link.ts`, 'test/payments/linking.pg.test.ts')
const edge = broken('src/edge/edge.ts', 'test/edge/session.nats.test.ts')
const signUp = broken('src/identity/sign-up.ts', 'test/identity/new-device.pg.test.ts')
const tiers = broken('src/identity/tiers.ts', 'test/identity/new-device.pg.test.ts')
const spending = broken('src/payments/spending.ts', 'test/payments/limits.pg.test.ts')

const guessed: readonly Mutation[] = [
  pins('judges a PIN that costs no try', 'set failures = failures + 1,', 'set failures = failures,'),
  pins('judges PINs while they are locked', 'and (locked_until is null or locked_until <= clock_timestamp())', ''),
  pins(
    'counts on after the right PIN',
    'await sql`update pins set failures = 0, locked_until = null where user_id = ${user} and version = ${version}`',
    '',
  ),
  pins(
    'waits no longer however often a PIN is guessed',
    '2 ^ least(failures + 1 - ${tries}::integer, ${doublings}::integer)',
    '1',
  ),
  lanes('judges the right PIN many times at once', '    await turn\n', ''),
  pins(
    'lets who sets many PINs go before everybody',
    'lanes.run(user, () => makeScryptKey',
    'lanes.run(crypto.randomUUID(), () => makeScryptKey',
  ),
  lanes('lets any number of PINs of a user wait', 'behind.length >= behindOne || ', ''),
  lanes('lets any number of PINs wait behind others', ' || this.#behindAll >= behindAll', ''),
  pins('keeps PINs without the pepper', "createHmac('sha256', deps.pepper)", "createHmac('sha256', 'pepper')"),
  pins('keeps a PIN alike for everybody', '`mooring:pin\\0${user}\\0${pin}`', '`mooring:pin\\0${pin}`'),
  lanes('lets any number of users’ PINs wait', '      if (this.#behind.size >= lanes + owners) return null\n', ''),
  {
    name: 'judges PINs on the event loop',
    tests: ['test/identity/pins.pg.test.ts'],
    edits: [
      {
        file: 'src/identity/scrypt-key.ts',
        from: 'return new Promise((resolve, reject) => {\n    scrypt(',
        to: 'return Promise.resolve(scryptSync(secret, salt, KEY_BYTES, { ...cost, maxmem: 256 * cost.N * cost.r }))\n  return new Promise<Buffer>((resolve, reject) => {\n    scrypt(',
      },
      { file: 'src/identity/scrypt-key.ts', from: 'randomBytes, scrypt,', to: 'randomBytes, scrypt, scryptSync,' },
    ],
  },
]

const asked: readonly Mutation[] = [
  pin('trust.ts')('changes a PIN without the old one', 'if (version > 0) {', 'if (version > 1_000) {'),
  pin('trust.ts')(
    'takes a missing old PIN for a right one',
    'if (body.old_pin === undefined)',
    "if (body.old_pin === '')",
  ),
  pin('authorise.ts')('wants the PIN at the sum itself', 'totalMinor > deps.rules.pin', 'totalMinor >= deps.rules.pin'),
  pin('authorise.ts')(
    'takes a try for a signature that was used',
    'if (await isSpent(deps, signed)) return replayedJti()\n    const refusal',
    'const refusal',
  ),
  pin('own-money.ts')('moves a user’s own money without the PIN', '  if (sum !== null) return', '  if (false) return'),
  pin('confirm.ts')('pays without the PIN', '    if (sum !== null) return', '    if (false) return'),
  pin('pipeline.ts')(
    'takes a try for what is answered already',
    'const lookedUp = guesses(request.body)',
    'const lookedUp = false',
  ),
  broken('src/identity/proof.ts', 'test/identity/confirmation.test.ts')(
    'takes a signature however it is written',
    ' || !isCompact(jws)',
    '',
  ),
  broken('src/identity/idempotency-hash.ts', 'test/payments/pin.pg.test.ts')(
    'takes another PIN for another command',
    "new Set(['pin', 'old_pin', ",
    'new Set([',
  ),
  broken('src/contract/primitives.ts', 'test/payments/pin.pg.test.ts')(
    'lets a run be a PIN',
    '![-1, 0, 1].some',
    '![0].some',
  ),
]

const letIn: readonly Mutation[] = [
  devices(
    'lets a restricted device speak of others',
    "if (principal.deviceStatus === 'restricted' && body.device !== principal.device) return { refusal: restricted() }\n",
    '',
  ),
  devices(
    'lets a restricted device approve itself without the PIN',
    "if (command.principal.deviceStatus === 'restricted') {",
    'if (false) {',
  ),
  devices(
    'brings a revoked device back',
    "  if (device.status === 'revoked') {\n    const",
    "  if (device.id === '') {\n    const",
  ),
  devices('reaches other people’s devices', 'row?.user === principal.user ? row : null', 'row'),
  devices(
    'tells nobody of a device',
    'events: [deviceEvent(event, after, deps.ids)]',
    'events: [deviceEvent(event, after, deps.ids)].slice(1)',
  ),
  broken(`${COMMANDS}/pipeline.ts`, 'test/payments/devices.pg.test.ts')(
    'lets a restricted device do anything',
    '!RESTRICTED_MAY.has(name)',
    'false',
  ),
  broken(`${COMMANDS}/pipeline.ts`, 'test/payments/devices.pg.test.ts')(
    'lets a device pay that was revoked while its PIN was judged',
    'if (refusal === null) return decision',
    'if (refusal === null || decision.kind === decision.kind) return decision',
  ),
  linking(
    'links at the word of a device that was shut out meanwhile',
    'return refusal === null ? decideLink',
    'return refusal !== undefined ? decideLink',
  ),
  broken(`${COMMANDS}/linking.ts`, 'test/payments/linking.pg.test.ts')(
    'lets a user link and unlink without end',
    'since < LINKED_A_DAY) return null',
    'since >= 0) return null',
  ),
  linking(
    'counts no mobile money among what a user may link',
    "if (full !== null) return { kind: 'refusal', refusal: full }\n",
    '',
  ),
  linking('lets one user wait for any number of banks', 'new Places(ASKING_OF_USER)', 'new Places(1_000)'),
  linking('lets a bank that is silent hold the hub', 'new Places(ASKING_OF_BANK)', 'new Places(10_000)'),
  broken(`${COMMANDS}/confirm.ts`, 'test/payments/express.pg.test.ts')(
    'pays a merchant that was closed',
    '!(await deps.merchantIsOpen(before.merchant))',
    "before.merchant === ''",
  ),
  broken('src/identity/authenticate.ts', 'test/identity/tokens.pg.test.ts')(
    'lets an approved device wait for the cache',
    "if (isFresh && cached.value.status !== 'restricted')",
    'if (isFresh)',
  ),
  relay(
    'tells no edge of a revoked device',
    "if (name !== 'device.revoked') return",
    'if (name !== name) return\n  return',
  ),
  relay('has the sockets of devices closed that are added', "name !== 'device.revoked'", "!name.startsWith('device.')"),
  edge('leaves a revoked device’s socket open', 'this.#byDevice.get(device)?.end(REVOKED)', ''),
  edge(
    'opens a socket for a device that was revoked meanwhile',
    'if (this.#revoked.has(device)) {\n      session.end(REVOKED)\n      return\n    }\n',
    '',
  ),
  broken('src/edge/recently-revoked.ts', 'test/edge/recently-revoked.test.ts')(
    'remembers every revoked device for ever',
    'this.#since.delete(known)',
    'return',
  ),
]

const lowered: readonly Mutation[] = [
  signUp('tells nobody of a further device', 'if (!user.isNew) await tellOfDevice', 'if (false) await tellOfDevice'),
  signUp('tells a new user of the first device', 'if (!user.isNew) await tell', 'await tell'),
  signUp('takes a device for new each time', 'isNew: made.length > 0', 'isNew: true'),
  signUp(
    'lets a further device shorten the time of low limits',
    'greatest(low_limits_until, to_timestamp(${untilMs / 1_000}))',
    'to_timestamp(${untilMs / 1_000})',
  ),
  signUp('lowers no limits', 'if (enrolment.address !== null) await lowerLimits', 'if (false) await lowerLimits'),
  tiers('takes an unknown SIM card for an old one', '(simChangedAtMs ?? deviceMs)', '(simChangedAtMs ?? 0)'),
  tiers(
    'raises limits without asking for the SIM card again',
    'await simChangedAt(deps.simSwap, phone))',
    'await Promise.resolve(0))',
  ),
  tiers(
    'raises limits before their time',
    'where low_limits_until <= clock_timestamp()\n',
    'where low_limits_until is not null\n',
  ),
  spending('bounds nobody’s day by the low limit', "=== 'low' ? [full, low] : [full]", "=== 'low' ? [full] : [full]"),
  spending('does not count in the full limit what low ones allowed', "=== 'low' ? [full, low]", "=== 'low' ? [low]"),
  spending(
    'bounds no single payment by the low limit',
    'least(rules.low.paymentMaxMinor, rules.paymentMaxMinor)',
    'rules.paymentMaxMinor',
  ),
  spending(
    'tells the looser of two bounds',
    'left(other) < left(one) ? other : one',
    'left(other) < left(one) ? one : other',
  ),
]

export const TRUST: readonly Mutation[] = [...guessed, ...asked, ...letIn, ...lowered]
