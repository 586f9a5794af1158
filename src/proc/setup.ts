import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { currencyOf, currencyTable } from '../config/currencies.ts'
import { readEnv, readKeyFile } from '../config/env.ts'
import { FeePlanFields, SetupEnv } from '../config/setup.ts'
import type { FeePlan } from '../domain/fee.ts'
import { makeIds } from '../domain/ids.ts'
import { postingsOf } from '../domain/accounting/index.ts'
import { createMerchant, publishFeePlan, readPepper } from '../identity/index.ts'
import {
  derivedUuid,
  ensureLedger,
  makeAccountBook,
  makeLedger,
  migrate,
  openDatabase,
  type LedgerOf,
  type Sql,
} from '../ledger/index.ts'
import { makeLog } from '../observe/log.ts'
import { addOperator } from '../ops/operators.ts'

/**
 * Makes a database ready to serve: migrations, the ledger of the configured
 * currency, opening postings, and the merchants it is told of. Run before the
 * hub at every start, as the schema's owner; doing it again changes nothing.
 * Prints the merchants as one line of JSON.
 */
const MerchantsFile = z.array(FeePlanFields.extend({ name: z.string().min(1), secret_key: z.string().min(1) }))

const OPERATORS_FILE = 'operators.json'
const OperatorsFile = z.array(z.object({ name: z.string(), person: z.string(), password: z.string() }))

const env = readEnv(SetupEnv, process.env)
const ids = makeIds(Date.now, randomBytes)
const sql = openDatabase({ url: env.DATABASE_URL, name: 'setup', connections: 2 })
try {
  await migrate(sql)
  await openBooks(sql, await openLedger(sql, env.MOORING_CURRENCY))
  for (const added of Object.keys(env.MOORING_CURRENCIES)) await openLedger(sql, added)
  await openPayerFees(sql)
  await openOperators(sql)
  process.stdout.write(`${JSON.stringify({ merchants: await openMerchants(sql) })}\n`)
} finally {
  await sql.end({ timeout: 2 })
}

/** The ledger of a currency, and beside it that of its limits; one that was opened with other decimals stops the setup: its amounts mean something else. */
async function openLedger(db: Sql, currency: string): Promise<LedgerOf> {
  const { exponent } = currencyOf(currencyTable(env.MOORING_CURRENCIES), currency)
  const ledger = await ensureLedger(db, currency, exponent)
  if (ledger.exponent !== exponent) {
    throw new Error(
      `the ledger in ${currency} was opened with exponent ${ledger.exponent}, now it is to be ${exponent}`,
    )
  }
  await ensureLedger(db, currency, exponent, 'limits')
  return ledger
}

/** Capital paid in at the bank: Dr 1010 own / Cr 3010, once and by a real posting. */
async function openBooks(db: Sql, ledger: LedgerOf): Promise<void> {
  const id = derivedUuid(`opening/${String(ledger.id)}/${env.MOORING_BANK_ID}`)
  const [there] = await db`select from transfers where ledger = ${ledger.id} and id = ${id}`
  if (there !== undefined) return
  const accounts = makeAccountBook(db)
  const amountMinor = BigInt(env.MOORING_OPENING_CAPITAL)
  const { legs } = postingsOf({ type: 'capital_paid_in', bank: env.MOORING_BANK_ID, amountMinor })
  const [debit = '', credit = ''] = await accounts.ensure(
    ledger.id,
    legs.flatMap((leg) => [leg.debit, leg.credit]),
  )
  const units = makeLedger({ sql: db, log: makeLog({ name: 'setup', level: 'warn' }) })
  const result = await units.apply({
    id: ids.uuid(),
    transfers: [
      { id, ledger: ledger.id, kind: 'post', debit, credit, amount: env.MOORING_OPENING_CAPITAL, subject: 'opening' },
    ],
    ok: {},
  })
  if (result.code !== 'ok') throw new Error(`the opening posting was answered ${JSON.stringify(result)}`)
}

async function openPayerFees(db: Sql): Promise<void> {
  for (const [payersOf, fee] of Object.entries(env.MOORING_PAYER_FEES)) {
    if (fee === undefined) continue
    await db.begin((tx) => publishFeePlan({ sql: tx, ids }, { payersOf }, feePlanOf(fee)))
  }
}

function feePlanOf(fee: z.infer<typeof FeePlanFields>): FeePlan {
  const tax = fee.fee_tax
  return {
    basisPoints: BigInt(fee.fee_basis_points),
    fixedMinor: fee.fee_fixed ?? 0n,
    ...(fee.fee_minimum === undefined ? {} : { minimumMinor: fee.fee_minimum }),
    ...(fee.fee_cap === undefined ? {} : { capMinor: fee.fee_cap }),
    ...(tax === undefined ? {} : { tax: { authority: tax.authority, basisPoints: BigInt(tax.basis_points) } }),
    ...(fee.fee_on_refund === undefined ? {} : { onRefund: fee.fee_on_refund }),
  }
}

async function openMerchants(db: Sql): Promise<{ id: string; name: string; store: string }[]> {
  const merchants = MerchantsFile.parse(JSON.parse(readKeyFile(env.MOORING_KEYS, 'merchants.json')))
  // Merchants' keys are stored under the hub's pepper: its directory stands beside ours.
  const pepper = readPepper(join(env.MOORING_KEYS, '..', 'hub'))
  const made = []
  for (const { name, secret_key: secretKey, ...fee } of merchants) {
    const { id, store } = await createMerchant(
      { sql: db, ids, pepper },
      { name, secretKey, feePlan: feePlanOf(fee), storeName: 'Main store' },
    )
    made.push({ id, name, store })
  }
  return made
}

/** Operators whom the keys directory names, where it does, and who are not there yet; others are added by hand. */
async function openOperators(db: Sql): Promise<void> {
  if (!existsSync(join(env.MOORING_KEYS, OPERATORS_FILE))) return
  const operators = OperatorsFile.parse(JSON.parse(readKeyFile(env.MOORING_KEYS, OPERATORS_FILE)))
  for (const operator of operators) {
    const [there] = await db`select from operators where name = ${operator.name}`
    if (there !== undefined) continue
    const added = await addOperator(db, ids, operator)
    if (!added.ok) throw new Error(`the operator ${operator.name} could not be added: ${added.error}`)
  }
}
