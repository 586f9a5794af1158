import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { connectBus, RELAY_WAKE } from '../../src/bus/index.ts'
import { makeIds } from '../../src/domain/ids.ts'
import { makeLedger, openDatabase } from '../../src/ledger/index.ts'
import { makeLog } from '../../src/observe/log.ts'
import { nowUs } from './load-messages.ts'
import { userOf } from './people.ts'

/** Events as a hub makes them: units of the ledger in Postgres, after each of which the relay is rung. */
export type Events = {
  /** Commits at this rate to people of this range; of each the mark (when it was sent) and when its commit was known, µs. */
  commit(to: { from: number; to: number; perSecond: number; seconds: number }): Promise<Map<number, number>>
  stop(): Promise<void>
}

const TICK_MS = 4

export async function startEvents(options: { databaseUrl: string; natsUrl: string }): Promise<Events> {
  const log = makeLog({ name: 'bench-events', level: 'warn' })
  const sql = openDatabase({ url: options.databaseUrl, name: 'bench-events', connections: 2 })
  const bus = await connectBus({ url: options.natsUrl, name: 'bench-events' })
  const ledger = makeLedger({ sql, log })
  ledger.onEvents(() => bus.publish(RELAY_WAKE))
  const ids = makeIds(Date.now, randomBytes)
  let last = 0

  /** The mark stands where a balance would: it is what a phone reads of the event. */
  const one = async (n: number, into: Map<number, number>): Promise<void> => {
    const mark = Math.max(nowUs(), last + 1)
    last = mark
    const body = { currency: 'KES', available: String(mark), pending: '0' }
    const event = { id: ids.make('evt'), feed: userOf(n), name: 'balance.updated' as const, body }
    const result = await ledger.apply({ id: ids.uuid(), ok: { events: [event] } })
    if (result.code !== 'ok') throw new Error(`an event was answered ${JSON.stringify(result)}`)
    into.set(mark, nowUs())
  }

  return {
    commit: async ({ from, to, perSecond, seconds }) => {
      const known = new Map<number, number>()
      const began = performance.now()
      const waiting: Promise<void>[] = []
      for (let sent = 0; sent < perSecond * seconds;) {
        const due = Math.min(perSecond * seconds, Math.floor(((performance.now() - began) / 1_000) * perSecond))
        for (; sent < due; sent++) waiting.push(one(from + Math.floor(Math.random() * (to - from)), known))
        await delay(TICK_MS)
      }
      await Promise.all(waiting)
      return known
    },
    stop: async () => {
      await ledger.drain()
      await bus.close()
      await sql.end({ timeout: 1 })
    },
  }
}
