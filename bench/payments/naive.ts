import { randomInt, randomUUID } from 'node:crypto'
import { Registry } from 'prom-client'
import { z } from 'zod'
import { CURRENCIES } from '../../src/contract/names.ts'
import { makeIban } from '../../src/domain/iban.ts'
import { openDatabase } from '../../src/ledger/index.ts'
import { makeLog } from '../../src/observe/log.ts'
import { iso20022 } from '../../src/rails/iso20022/index.ts'
import { makeNaiveTables, type NaivePayment, naiveSteps } from './naive-steps.ts'
import { servePeer } from './peer.ts'

/**
 * The naive peer: the same purchase from the same bank as a tutorial would make it.
 * Nobody signs for it and no phone looks on. The bank takes signed messages over
 * mutual TLS only, so it is called through Mooring's own connector, as Mooring calls it.
 */

const settings = z
  .object({
    BENCH_TEMPORAL: z.string(),
    BENCH_NAMESPACE: z.string(),
    BENCH_DATABASE: z.string(),
    BENCH_BANK: z.string(),
    BENCH_KEYS: z.string(),
    BENCH_CURRENCY: z.string(),
  })
  .parse(process.env)

const DEADLINE_MS = 10_000
const MERCHANTS = ['cafe', 'market', 'books']

const sql = openDatabase({ url: settings.BENCH_DATABASE, name: 'bench-naive', connections: 32 })
await makeNaiveTables(sql)

const { mandates: bank } = iso20022.make(iso20022.config.parse({ url: settings.BENCH_BANK }), 'bench-bank', {
  keysDir: settings.BENCH_KEYS,
  callbackUrl: 'http://127.0.0.1/unused',
  currencies: CURRENCIES,
  clock: { now: () => Date.now(), monotonic: () => performance.now() },
  log: makeLog({ name: 'bench-naive', level: 'silent' }),
  registry: new Registry(),
})
if (bank === undefined) throw new Error('the bank connector offers no mandates')

const customer = {
  iban: makeIban('DE', `88888888${Array.from({ length: 10 }, () => String(randomInt(10))).join('')}`),
  holder: 'A naive customer',
}
const reference = randomUUID().replaceAll('-', '').slice(0, 30)
const currency = settings.BENCH_CURRENCY
const mandate = await bank.linkMandate({ reference, ...customer, currency }, AbortSignal.timeout(DEADLINE_MS))
if (mandate.kind !== 'active') throw new Error(`the bank gave no mandate: ${JSON.stringify(mandate)}`)

const steps = naiveSteps(sql, (order) =>
  bank.send(
    {
      ...order,
      operation: 'collect',
      step: 'submit',
      currency,
      dispatchedAtMs: Date.now(),
      sends: 1,
      account: { type: 'iban', ...customer },
      mandate: { id: mandate.mandateId, signedOn: mandate.signedOn },
      description: 'A naive payment',
      merchant: null,
      original: null,
      memo: {},
      input: null,
    },
    { signal: AbortSignal.timeout(DEADLINE_MS), mayWrite: () => true },
  ),
)

await servePeer({
  address: settings.BENCH_TEMPORAL,
  namespace: settings.BENCH_NAMESPACE,
  taskQueue: 'bench-naive',
  activities: steps,
  once: async (client, workflowId) => {
    const payment: NaivePayment = {
      id: workflowId,
      amount: String(1_000 + randomInt(9_000)),
      merchant: MERCHANTS[randomInt(MERCHANTS.length)] ?? '',
    }
    const handle = await client.workflow.start('naive', { workflowId, taskQueue: 'bench-naive', args: [payment] })
    await handle.result()
  },
})
