import { MerchantServer } from '../../../tools/demo/http.ts'
import type { Patience } from '../../../tools/demo/patience.ts'
import type { Ports } from '../../../clients/mobile/index.ts'
import type { DevJson } from '../../../tools/dev-json.ts'
import { openDatabase, type Sql } from '../../../src/ledger/index.ts'
import { followToEnd, prepare, type Ended, type Order } from './orders.ts'
import { newPhone, newRun, type Phone } from './phone.ts'
import { RailWitness, type RailName } from './rails.ts'

/** Everyone around a running stack: phones with money, merchants, each rail's own word, the database's. */
export type World = {
  dev: DevJson
  patience: Patience
  currency: string
  phones: readonly [Phone, Phone, ...Phone[]]
  merchants: readonly [MerchantServer, MerchantServer]
  rails: Readonly<Record<RailName, RailWitness>>
  sql: Sql
  /** The top-ups that funded the wallets. */
  funding: readonly Ended[]
  close(): Promise<void>
}

/** Phones signed up at the same time; the operator and Argon are not what is tried here. */
const AT_ONCE = 4

/** Signs up so many phones, each with an account at every rail and `fundMinor` in its wallet. */
export async function openWorld(
  dev: DevJson,
  patience: Patience,
  options: { phones: number; fundMinor: bigint; ports?: Partial<Ports> },
): Promise<World> {
  const { currency } = dev
  const [one, two] = dev.merchants
  if (one === undefined || two === undefined) throw new Error('dev.json names no two merchants')
  const merchants = [
    new MerchantServer(one, dev.bridge, patience),
    new MerchantServer(two, dev.bridge, patience),
  ] as const
  const sql = openDatabase({ url: dev.database, name: 'witness', connections: 2 })
  const run = newRun()
  const numbers = Array.from({ length: options.phones }, (_, i) => i)
  const phones: Phone[] = []
  await inLanes(AT_ONCE, numbers, async (no) => {
    phones.push(await newPhone(dev, patience, run, no, options.ports))
  })
  const [first, second, ...others] = phones
  if (first === undefined || second === undefined) throw new Error('at least two phones are needed')
  const funding: Ended[] = []
  await inLanes(AT_ONCE, phones, async (payer) => {
    const order: Order = { way: 'top-up', amountMinor: options.fundMinor, payer, payee: payer, merchant: merchants[0] }
    const { confirm } = await prepare(order, currency)
    const { id } = await confirm()
    funding.push({ order, view: await followToEnd(patience, order, id) })
  })
  return {
    dev,
    patience,
    currency,
    phones: [first, second, ...others],
    merchants,
    rails: {
      bank: new RailWitness('bank', dev, patience),
      operator: new RailWitness('operator', dev, patience),
      money: new RailWitness('money', dev, patience),
    },
    sql,
    funding,
    async close() {
      await Promise.all(phones.map(({ client }) => client.close()))
      await sql.end({ timeout: 1 })
    },
  }
}

/** Does `work` for each item, so many at a time, in order of begin. */
export async function inLanes<T>(lanes: number, items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const rest = items[Symbol.iterator]()
  const lane = async () => {
    for (let next = rest.next(); next.done !== true; next = rest.next()) await work(next.value)
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}
