import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from '@temporalio/client'
import { NativeConnection } from '@temporalio/worker'
import { Registry } from 'prom-client'
import { createMandateActivities } from '../../activities/mandate.ts'
import { createActivities } from '../../activities/payment.ts'
import { createRecoveryActivities } from '../../activities/recovery.ts'
import { createRefundActivities } from '../../activities/refund.ts'
import { makeDataConverter, readKeyRing } from '../codec/index.ts'
import { RELAY_WAKE, connectBus, serveCallbacks, serveCommands, type Responder } from '../bus/index.ts'
import { currencyOf, currencyTable } from '../config/currencies.ts'
import { failpoints } from '../config/failpoint.ts'
import { HUB_LIMITS, HubEnv, spendingRules } from '../config/hub.ts'
import { readEnv, readKeyFile } from '../config/env.ts'
import type { Clock } from '../domain/clock.ts'
import { makeIds } from '../domain/ids.ts'
import {
  DURABLE_LIMITS,
  ensureSchedules,
  ensureSearchAttributes,
  installRuntime,
  makeStarter,
  makeWorker,
  promote,
  workflowBundle,
} from '../durable/index.ts'
import { makeFeePlans, makeIdentity, readIdentityKeys } from '../identity/index.ts'
import {
  findLedger,
  makeAccountBook,
  makeLedger,
  makeLedgerMetrics,
  makeLimitBook,
  openDatabase,
  startRetention,
  startRounds,
  startSealer,
  startSweeper,
} from '../ledger/index.ts'
import { makeLog } from '../observe/log.ts'
import { openPrivatePort } from '../observe/private-port.ts'
import { makeConsume } from '../ops/approvals.ts'
import {
  CODE_KEY_FILE,
  callbackHandlers,
  checkoutCommands,
  feedCommands,
  makeAdmission,
  makeAftermath,
  makeBearers,
  makeCallbackRefusals,
  makeCaller,
  makeClaims,
  makeCodes,
  makeDecide,
  makeDecideRecovery,
  makeEvidenceBook,
  makeInFlightCalls,
  makeIncidentBook,
  makeInquiryBudget,
  makeIsInFlight,
  makeLookNow,
  makeMandates,
  makePaymentIds,
  makePaymentStore,
  makeRailBook,
  makeRailGuard,
  makeRailHealth,
  makeRecoverySteps,
  makeSpending,
  makeRefundSteps,
  makeRefundTerms,
  goingOn,
  makeStrides,
  makeTurns,
  paymentRules,
  phoneCommands,
  recordOutcome,
  refundCommands,
  review,
  takeCallback,
  tend,
  watchBacklog,
  watchRail,
  tendRefunds,
  untouchedCaps,
  type Heard,
  type PaymentDeps,
} from '../payments/index.ts'
import { hubGauges } from '../observe/hub-gauges.ts'
import { makeCamaraIdentity, readCamaraCredentials } from '../rails/camara/index.ts'
import { makeRails } from '../rails/connectors.ts'

/** Commands, workflows, activities and ledger writes: the one process that spends. */

const env = readEnv(HubEnv, process.env)
const failpoint = failpoints(env)
const log = makeLog({ name: env.MOORING_PROCESS, level: env.LOG_LEVEL })
const registry = new Registry()
// Without its key no payload goes to Temporal, in any environment: the process does not start.
const keyRing = readKeyRing(env.MOORING_KEYS, env.MOORING_ENV)
const codeRing = readKeyRing(env.MOORING_KEYS, env.MOORING_ENV, CODE_KEY_FILE)

// Postgres. Money goes through the aggregator's own connections; reads have a pool.
const database = { url: env.DATABASE_URL, silenceMs: HUB_LIMITS.database_silence_ms }
const sql = openDatabase({ ...database, name: env.MOORING_PROCESS, connections: HUB_LIMITS.read_connections })
const unitSql = openDatabase({ ...database, name: `${env.MOORING_PROCESS}-ledger`, connections: 2 })
const ledger = makeLedger({ sql: unitSql, log, metrics: makeLedgerMetrics(registry) })
const currencies = currencyTable(env.MOORING_CURRENCIES)
const currency = currencyOf(currencies, env.MOORING_CURRENCY)
const [ledgerOf, limitsOf] = await Promise.all([
  findLedger(sql, env.MOORING_CURRENCY),
  findLedger(sql, env.MOORING_CURRENCY, 'limits'),
])

// Time is the database's, as last heard: expiries are decided there.
await ledger.syncClock()
const clock: Clock = { now: () => ledger.now(), monotonic: () => performance.now() }
const claims = makeClaims(Buffer.from(readKeyFile(env.MOORING_KEYS, 'claim.key'), 'base64url'))
const freshIds = makeIds(() => Math.round(clock.now()), randomBytes)
const ids = makePaymentIds(freshIds, claims)

// Rails.
const rails = makeRailBook(
  makeRails(env.MOORING_RAILS, {
    keysDir: env.MOORING_KEYS,
    publicUrl: env.MOORING_PUBLIC_URL,
    currencies,
    clock,
    log,
    registry,
  }),
)
const operator = makeCamaraIdentity({
  baseUrl: env.MOORING_CAMARA_URL,
  credentials: readCamaraCredentials(env.MOORING_KEYS),
  clock,
  log,
})

// NATS and Temporal.
const bus = await connectBus({ url: env.NATS_URL, name: env.MOORING_PROCESS })
installRuntime(log)
const connection = await NativeConnection.connect({ address: env.TEMPORAL_ADDRESS })
const client = new Client({
  connection,
  namespace: env.TEMPORAL_NAMESPACE,
  dataConverter: makeDataConverter(keyRing),
})

const store = makePaymentStore(sql)
const turns = makeTurns()
const calls = makeInFlightCalls()
const starter = makeStarter({
  client,
  log,
  workflowTaskTimeoutMs: env.MOORING_WORKFLOW_TASK_TIMEOUT_MS ?? DURABLE_LIMITS.workflow_task_timeout_ms,
})
const guard = makeRailGuard({ clock, registry, callsMax: (id) => rails.profile(id).callsMax })
let queued = 0
const admission = makeAdmission({ mode: env.MOORING_EXPRESS, counted: () => queued, startsFail: starter.isAway, clock })
const incidents = makeIncidentBook(sql)
const aftermath = makeAftermath({ incidents, log, recover: starter.recover })
const accounts = makeAccountBook(sql, env.MOORING_LEDGER_SHARD)
const perSecond = (rail: string) => rails.profile(rail).inquiriesPerSecond
const budget = makeInquiryBudget({ clock, registry, perSecond })
const health = makeRailHealth({ sql, ledger, ids, clock, log, wake: starter.wake, perSecond })
const watched = new Map(rails.entries.map(({ id, rail }) => [id, watchRail(rail, { guard, budget, health })]))
const outcomes = { load: makeBearers({ store, ids }), ledger, ids, clock, log, aftermath }
const feePlans = makeFeePlans({ sql, clock })
const caller = makeCaller({
  ...outcomes,
  rails: watched,
  calls,
  wake: starter.wake,
  failpoint,
})
const steps = goingOn(
  makeStrides({
    store,
    feePlan: feePlans.byId,
    ledger,
    ids,
    clock,
    log,
    profiles: rails.profile,
    holds: { actionMs: HUB_LIMITS.action_ms, captureMs: HUB_LIMITS.capture_ms },
    caller,
    failpoint,
  }),
)
const refundSteps = makeRefundSteps({
  refunds: store.refunds,
  ledger,
  ids,
  clock,
  caller,
  profiles: rails.profile,
  turns,
  failpoint,
})
const consume = makeConsume(sql, env.MOORING_OPS_TWO_ABOVE)
const decide = makeDecide({ ...outcomes, store, consume })
const recovery = {
  store,
  evidence: makeEvidenceBook(sql),
  incidents,
  aftermath,
  terms: makeRefundTerms(feePlans.byId),
  ledger,
  accounts,
  rails: watched,
  ids,
  clock,
  log,
}
const bundle = await workflowBundle(env.MOORING_CACHE)
const release = { deployment: env.MOORING_DEPLOYMENT, build: bundle.build }
const worker = await makeWorker({
  connection,
  namespace: env.TEMPORAL_NAMESPACE,
  bundle,
  release,
  keyRing,
  activities: {
    ...createMandateActivities(makeMandates({ store, ledger, ids, clock, log, rails, budget })),
    ...createActivities(steps, decide),
    ...createRefundActivities(refundSteps, decide),
    ...createRecoveryActivities(makeRecoverySteps(recovery), makeDecideRecovery({ ...recovery, consume })),
    review: () =>
      review({ ...outcomes, sql, store, wake: starter.wake, needsOperatorAfterMs: HUB_LIMITS.needs_operator_after_ms }),
  },
  identity: env.MOORING_PROCESS,
})

// Who speaks, and what they may ask.
const identity = makeIdentity({
  sql,
  clock,
  ids,
  keys: await readIdentityKeys(env.MOORING_KEYS),
  otp: operator.otp,
  simSwap: operator.simSwap,
  wakeRelay: () => bus.publish(RELAY_WAKE),
  env: env.MOORING_ENV,
  caps: env.MOORING_CAPS,
  log,
})
const deps: PaymentDeps = {
  sql,
  store,
  ledger,
  accounts,
  ids,
  clock,
  log,
  ...identity,
  codes: makeCodes({ sql, clock, log, ring: codeRing, caps: untouchedCaps(env), timeZone: env.MOORING_TIME_ZONE }),
  claims,
  rules: paymentRules(env, ledgerOf, currency),
  rails,
  feePlans,
  spending: makeSpending({
    sql,
    book: makeLimitBook({ accounts, ids, ledgerId: limitsOf.id }),
    rules: spendingRules(env),
    tierOf: identity.tierOf,
  }),
  admission,
  guard,
  failpoint,
  start: starter.start,
  startLate: starter.startLate,
  restart: starter.restart,
  wake: starter.wake,
}

const refundDeps = { ...deps, turns, wake: starter.wake, terms: makeRefundTerms(feePlans.byId) }

const responders: Record<string, Responder> = {
  ...phoneCommands(deps),
  ...checkoutCommands(deps),
  ...refundCommands(refundDeps),
  ...feedCommands(deps),
}
for (const [name, handle] of Object.entries(identity.handlers)) {
  responders[name] = async (request) => ({ reply: await handle(request) })
}

// Life.
let phase: 'serving' | 'draining' = 'serving'
ledger.onEvents(() => bus.publish(RELAY_WAKE))
const commands = serveCommands(bus, responders, {
  maxInFlight: HUB_LIMITS.commands_in_flight,
  log,
  now: () => Date.now(),
  flushReplies: env.MOORING_FAILPOINTS !== undefined,
})
const record = (heard: Heard) => recordOutcome(outcomes, heard)
const lookNow = makeLookNow({ ...outcomes, store, aftermath })
const isInFlight = makeIsInFlight({ clock, rails })
const taking = { sql, store, log, record, lookNow, isInFlight, wake: starter.wake, failpoint }
const callbacks = serveCallbacks(
  bus,
  callbackHandlers(
    rails,
    (rail, callback, refused) => takeCallback({ ...taking, refused }, rail, callback),
    makeCallbackRefusals({ registry, log, clock }),
  ),
  { log, maxInFlight: HUB_LIMITS.callbacks_in_flight },
)
const tending = tend({ ...deps, recover: starter.recover })
const backlog = watchBacklog({
  sql,
  log,
  counted: (waiting) => {
    queued = waiting
    admission.recount()
  },
})
const refundTending = tendRefunds(refundDeps)
const keepingTime = setInterval(() => {
  ledger.syncClock().catch((error: unknown) => log.warn({ err: error }, 'the database did not tell the time'))
}, HUB_LIMITS.clock_sync_every_ms)
const housekeeping = startRounds({
  everyMs: HUB_LIMITS.identity_sweep_every_ms,
  round: identity.sweep,
  failed: (error) => log.warn({ err: error }, 'identity could not be swept'),
})
const retention = startRetention({ sql, log })
const sweeper = startSweeper({ sql, ledger, ids, log, everyMs: HUB_LIMITS.shard_sweep_every_ms })
const sealer = startSealer({ sql, log })
hubGauges(registry, {
  commands: commands.inFlight,
  units: () => ledger.stats(),
  railCalls: () => calls.size,
  unstarted: admission.backlog,
  starts: starter,
})
const working = worker.run()
working.catch((error: unknown) => {
  log.fatal({ err: error }, 'the worker died')
  process.exit(1)
})
const promotion = await promote({
  client,
  namespace: env.TEMPORAL_NAMESPACE,
  release,
  identity: env.MOORING_PROCESS,
  provision: async () => {
    await ensureSearchAttributes({ client, namespace: env.TEMPORAL_NAMESPACE })
    await ensureSchedules(client)
  },
  log,
})
const privatePort = await openPrivatePort({
  port: env.MOORING_PRIVATE_PORT,
  registry,
  ready: () => phase === 'serving',
})
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void drain())
log.info('ready')

/** Takes nothing new, ends what is in hand, and goes. */
async function drain(): Promise<void> {
  if (phase === 'draining') return
  phase = 'draining'
  clearInterval(keepingTime)
  promotion.stop()
  const late = delay(HUB_LIMITS.drain_ms).then(() => log.warn('drain took too long; the rest is resumed elsewhere'))
  const orderly = async () => {
    await Promise.all([
      commands.drain(),
      callbacks.drain(),
      tending.stop(),
      backlog.stop(),
      refundTending.stop(),
      sweeper.stop(),
      housekeeping.stop(),
      retention.stop(),
      sealer.stop(),
    ])
    await starter.drain()
    worker.shutdown()
    // An activity may begin a call and leave it behind, and the call writes its outcome: first the one, then the other.
    await working
    await calls.drain()
    await ledger.drain()
    await Promise.all([bus.drain(), ...rails.entries.map(({ rail }) => rail.close()), operator.close()])
    await connection.close()
    await Promise.all([sql.end({ timeout: 1 }), unitSql.end({ timeout: 1 }), privatePort.close()])
  }
  await Promise.race([orderly(), late]).catch((error: unknown) => log.error({ err: error }, 'drain failed'))
  process.exit(0)
}
