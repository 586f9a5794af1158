import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { headers } from '@nats-io/transport-node'
import { connectBus } from '../../../src/bus/index.ts'
import type { Sql } from '../../../src/ledger/index.ts'
import type { Patience } from '../../../tools/demo/patience.ts'
import { isBack } from '../../e2e/support/killed.ts'
import { startRelayProcess, type RelayProcess } from '../../support/relay-process.ts'
import type { Stack } from '../../support/stack.ts'

/** The test's own relay, beside the one of the start. */
const SECOND = 'relay-1'
const FIRST = 'relay-0'
const STREAM = 'FEEDS'
/** So many of the newest in the stream may be published once more. */
const RECENT = 300

/** The way of an event from its commit to the edges, and how it is broken. */
export class FeedPath {
  readonly #stack: Stack
  readonly #sql: Sql
  readonly #patience: Patience
  readonly #random: () => number
  #second: RelayProcess | null = null

  constructor(stack: Stack, sql: Sql, patience: Patience, random: () => number) {
    this.#stack = stack
    this.#sql = sql
    this.#patience = patience
    this.#random = random
  }

  /** Starts a second relay, which stands by. */
  async start(): Promise<void> {
    const database = new URL(this.#stack.dev().database)
    database.username = 'mooring_relay'
    database.password = this.#key('postgres', 'mooring_relay.password')
    this.#second = await startRelayProcess({
      name: SECOND,
      natsUrl: this.#natsUrl(),
      databaseUrl: database.href,
      env: { MOORING_FAILPOINTS: this.#stack.failpointsDir, LOG_LEVEL: 'error' },
    })
  }

  async stop(): Promise<void> {
    await this.#second?.kill('SIGKILL')
  }

  /** The epoch of the stream, as clients know it. */
  async epoch(): Promise<string | undefined> {
    const sql = this.#sql
    const [row] = await sql<{ epoch: string }[]>`select epoch from feed_stream`
    return row?.epoch
  }

  /** Kills whoever leads, and waits until another does. */
  async killLeader(): Promise<void> {
    const leader = await this.#patience.until('a relay to lead', () => this.#leader())
    if (leader === FIRST) this.#stack.kill(FIRST)
    else await this.#second?.kill('SIGKILL')
    await this.#patience.until(`another relay than ${leader} to lead`, async () => {
      const next = await this.#leader()
      return next === undefined || next === leader ? undefined : next
    })
    await this.#complete()
  }

  /** Whichever relay publishes next dies when the stream has its event and the row is not marked. */
  async killAfterAck(): Promise<void> {
    const fired = join(this.#stack.failpointsDir, 'published.fired')
    rmSync(fired, { force: true })
    this.#stack.arm('published')
    await this.#patience.until('a relay to die between ack and mark', () => (existsSync(fired) ? true : undefined))
    await this.#complete()
  }

  async killNats(): Promise<void> {
    this.#stack.kill('nats')
    await this.#natsIsBack()
  }

  /** NATS dies and what it had stored is gone: the stream is made anew, under a new epoch. */
  async loseStream(): Promise<void> {
    const before = await this.epoch()
    // Before it dies, so that its successor never sees it.
    renameSync(join(this.#stack.dataDir, 'nats', 'jetstream'), join(this.#stack.dataDir, `lost-${before ?? ''}`))
    this.#stack.kill('nats')
    await this.#natsIsBack()
    await this.#patience.until('a new epoch', async () => {
      const now = await this.epoch()
      return now === undefined || now === before ? undefined : now
    })
  }

  async killEdge(): Promise<void> {
    const names = Object.keys(this.#stack.dev().pids).filter((name) => name.startsWith('edge-'))
    const name = names[Math.floor(this.#random() * names.length)] ?? ''
    await this.#stack.killAndWait(name)
  }

  /** Publishes events again that the stream has already, in no order, as if it had forgotten their ids. */
  async double(count: number): Promise<void> {
    const bus = await connectBus({ url: this.#natsUrl(), name: 'double' })
    try {
      const manager = await jetstreamManager(bus, { checkAPI: false })
      const { state } = await manager.streams.info(STREAM)
      const span = Math.min(RECENT, state.messages)
      for (let i = 0; i < count; i++) {
        const seq = state.last_seq - Math.floor(this.#random() * span)
        const message = await manager.streams.getMessage(STREAM, { seq })
        if (message === null) continue
        const head = headers()
        for (const [name, values] of message.header) {
          if (name !== 'Nats-Msg-Id') for (const value of values) head.append(name, value)
        }
        bus.publish(message.subject, message.data, { headers: head })
      }
      await bus.flush()
    } finally {
      await bus.close()
    }
  }

  async #leader(): Promise<string | undefined> {
    const sql = this.#sql
    const [row] = await sql<{ name: string }[]>`
      select a.application_name as name from pg_locks l join pg_stat_activity a using (pid)
      where l.locktype = 'advisory' and l.granted and a.application_name in (${FIRST}, ${SECOND})`
    return row?.name
  }

  /** Both relays run again. */
  async #complete(): Promise<void> {
    if (this.#second?.alive() !== true) await this.start()
    await isBack(this.#stack, this.#patience, FIRST)
  }

  async #natsIsBack(): Promise<void> {
    await isBack(this.#stack, this.#patience, 'nats')
  }

  #natsUrl(): string {
    const url = new URL(this.#stack.dev().nats)
    url.username = 'relay'
    url.password = encodeURIComponent(this.#key('nats', 'relay.password'))
    return url.href
  }

  #key(of: string, name: string): string {
    return readFileSync(join(this.#stack.dataDir, 'keys', of, name), 'utf8').trim()
  }
}
