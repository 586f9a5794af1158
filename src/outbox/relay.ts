import { setTimeout as delay } from 'node:timers/promises'
import { jetstream, jetstreamManager, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { supervise } from '../actor/index.ts'
import { RELAY_WAKE, type Bus } from '../bus/index.ts'
import type { Failpoint } from '../config/failpoint.ts'
import type { Log } from '../observe/log.ts'
import { chainsOf, type Chain } from './chains.ts'
import { withLeadership, type Leadership } from './leader.ts'
import type { RelayLimits } from './limits.ts'
import { publishChains, type Batch } from './publisher.ts'
import { ensureStream } from './stream.ts'
import { establishEpoch, markPublished, readUnpublished, type OutboxRow } from './table.ts'
import { Wake } from './wake.ts'

/*
 * R1  Within a feed events are published strictly by seq, the next after the ack of the one before.
 * R2  Nothing is skipped: what to publish is read from the rows themselves, never from a watermark.
 * R3  A row is marked only after the stream acknowledged it; a crash in between publishes it
 *     again under the same Nats-Msg-Id, which the stream drops.
 * R4  One incarnation of the stream is one epoch; a new one gets the retained window again.
 */

export type RelayState = 'starting' | 'standby' | 'leading'

export type RelayOptions = {
  name: string
  bus: Bus
  databaseUrl: string
  limits: RelayLimits
  log: Log
  registry: Registry
  /** Called for each acknowledged, not yet marked event; null where no failpoint can be armed. */
  failpoint: Failpoint | null
  randomEpoch: () => string
}

/** Moves committed events from the outbox to their feeds, as the one leader among the relays. */
export class Relay {
  readonly #options: RelayOptions
  readonly #wake = new Wake()
  readonly #metrics: ReturnType<typeof makeMetrics>
  #state: RelayState = 'starting'

  constructor(options: RelayOptions) {
    this.#options = options
    this.#metrics = makeMetrics(options.registry)
  }

  get state(): RelayState {
    return this.#state
  }

  /** Runs until `signal` aborts. Postgres or NATS going away is waited out, never a reason to stop. */
  async run(signal: AbortSignal): Promise<void> {
    const { bus, databaseUrl, limits, log, name } = this.#options
    const wakes = bus.subscribe(RELAY_WAKE, { callback: () => this.#wake.ring() })
    signal.addEventListener('abort', () => this.#wake.ring())
    await supervise({
      name: 'relay',
      signal,
      log,
      backoff: limits.restart,
      run: () =>
        withLeadership({
          databaseUrl,
          name,
          limits,
          signal,
          onStandby: () => this.#enter('standby'),
          lead: (leadership) => this.#lead(leadership),
        }).finally(() => this.#enter('starting')),
    })
    wakes.unsubscribe()
  }

  #enter(state: RelayState): void {
    if (this.#state !== state) this.#options.log.info({ state }, 'relay state')
    this.#state = state
    this.#metrics.leading.set(state === 'leading' ? 1 : 0)
  }

  async #lead({ sql, lost }: Leadership): Promise<void> {
    const { bus, limits } = this.#options
    const manager = await jetstreamManager(bus, { checkAPI: false, timeout: limits.publish_timeout_ms })
    const stream = jetstream(bus, { timeout: limits.publish_timeout_ms })
    let at = await this.#position(manager, sql)
    let checkStreamAt_ms = performance.now() + limits.stream_check_ms
    let batchRows: number = limits.batch_rows
    this.#enter('leading')
    const onLost = () => this.#wake.ring()
    lost.addEventListener('abort', onLost)
    let pending: OutboxRow[] | null = null
    while (!lost.aborted) {
      if (performance.now() >= checkStreamAt_ms) {
        at = await this.#position(manager, sql)
        if (at.fresh) pending = null
        checkStreamAt_ms = performance.now() + limits.stream_check_ms
      }
      const rows: OutboxRow[] = pending ?? (await this.#read(sql, batchRows))
      pending = null
      const chains = chainsOf(rows, limits.chain_rows)
      if (chains.length === 0) {
        const widen = rows.length === batchRows && batchRows < limits.batch_rows_max
        batchRows = widen ? batchRows * 2 : limits.batch_rows
        if (!widen) await this.#wake.sleep(limits.idle_ms)
        continue
      }
      batchRows = limits.batch_rows
      const batch = await this.#publish(stream, at.epoch, chains)
      if (lost.aborted) break
      if (batch.published.length > 0) {
        // Sent together on the one connection: the read sees what the mark wrote.
        const [, next] = await Promise.all([markPublished(sql, batch.published), this.#read(sql, batchRows)])
        pending = next
      }
      if (batch.failure !== null || regressed(batch, at.lastSequence)) {
        this.#metrics.failures.inc()
        if (batch.failure !== null)
          this.#options.log.warn({ err: batch.failure }, 'publishing failed; looking at the stream')
        await delay(limits.restart.first_ms, undefined, { signal: lost }).catch(() => undefined)
        if (lost.aborted) break
        at = await this.#position(manager, sql)
        pending = null
      }
      at.lastSequence = Math.max(at.lastSequence, ...batch.published.map((row) => row.streamSequence))
    }
    lost.removeEventListener('abort', onLost)
  }

  /** Whoever has rung has committed, so this read finds it. */
  #read(sql: Leadership['sql'], limitRows: number): Promise<OutboxRow[]> {
    this.#wake.hear()
    return readUnpublished(sql, limitRows)
  }

  /** The stream as it is now and the epoch that goes with it (R4). */
  async #position(manager: JetStreamManager, sql: Leadership['sql']) {
    const { limits, log, randomEpoch } = this.#options
    const stream = await ensureStream(manager, limits)
    const at = await establishEpoch(sql, stream, { newEpoch: randomEpoch, window_ms: limits.stream_max_age_ms })
    if (at.fresh)
      log.warn({ epoch: at.epoch }, 'the stream is new to us: new epoch, publishing the retained window again')
    return at
  }

  async #publish(stream: JetStreamClient, epoch: string, chains: readonly Chain[]): Promise<Batch> {
    const { bus, failpoint, limits } = this.#options
    const batch = await publishChains({ stream, bus }, epoch, chains, limits)
    const acked = new Set(batch.published.map((row) => row.id))
    for (const row of chains.flat()) {
      if (!acked.has(row.id)) continue
      this.#metrics.published.inc()
      this.#metrics.lag.observe((Date.now() - row.at.getTime()) / 1000)
      failpoint?.('published', amountOf(row.body))
    }
    return batch
  }
}

/** An ack at or below where the stream already was, and no duplicate of ours: it started anew behind our back. */
function regressed(batch: Batch, lastSequence: number): boolean {
  return batch.published.some((row) => !row.duplicate && row.streamSequence <= lastSequence)
}

function amountOf(body: string): string {
  const parsed: unknown = JSON.parse(body)
  const amount = typeof parsed === 'object' && parsed !== null && 'amount' in parsed ? parsed.amount : undefined
  return typeof amount === 'string' ? amount : ''
}

function makeMetrics(registry: Registry) {
  const registers = [registry]
  return {
    leading: new Gauge({ name: 'mooring_relay_leading', help: '1 while this relay is the leader', registers }),
    published: new Counter({
      name: 'mooring_relay_published_total',
      help: 'Events acknowledged by the stream',
      registers,
    }),
    failures: new Counter({
      name: 'mooring_relay_failures_total',
      help: 'Batches in which a publish failed',
      registers,
    }),
    lag: new Histogram({
      name: 'mooring_relay_lag_seconds',
      help: 'From an event being written to its ack by the stream',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30],
      registers,
    }),
  }
}
