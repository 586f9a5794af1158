import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDatabase, type Sql } from '../../src/ledger/index.ts'
import { ROOT } from '../../tools/paths.ts'
import { testDatabase } from '../support/run-servers.ts'

/** Fee plans are configuration of `setup`: what differs from the plan in force is its next version. */

let database: Awaited<ReturnType<typeof testDatabase>>
let sql: Sql
let keys: string
beforeAll(async () => {
  database = await testDatabase()
  sql = openDatabase({ url: database.url('mooring_hub'), name: 'test-hub', connections: 1 })
  keys = mkdtempSync(join(tmpdir(), 'mooring-keys-'))
  for (const role of ['setup', 'hub']) mkdirSync(join(keys, role))
  writeFileSync(join(keys, 'hub', 'pepper.key'), randomBytes(32).toString('base64url'))
})
afterAll(async () => {
  await sql.end({ timeout: 1 })
  await database.drop()
  rmSync(keys, { recursive: true })
})

/** What setup says on its error output; its exit code is checked by what it left behind. */
function setup(merchant: object, payers: object): string {
  const secret = { name: 'Kahawa House', secret_key: `sk_test_${'k'.repeat(32)}` }
  writeFileSync(join(keys, 'setup', 'merchants.json'), JSON.stringify([{ ...secret, ...merchant }]))
  const { stderr } = spawnSync(process.execPath, [join(ROOT, 'src/proc/setup.ts')], {
    encoding: 'utf8',
    timeout: 120_000,
    env: {
      DATABASE_URL: database.url('mooring_owner'),
      MOORING_KEYS: join(keys, 'setup'),
      MOORING_CURRENCY: 'KES',
      MOORING_PAYER_FEES: JSON.stringify(payers),
    },
  })
  return stderr
}

const plans = () => sql<{ of: string; version: number; plan: string }[]>`
  select case when owner like 'mer%' then 'merchant' else owner end as of, version,
    concat_ws(' ', basis_points, fixed_minor, minimum_minor, cap_minor, tax_authority, tax_basis_points, on_refund) as plan
  from fee_plans order by of, version`

test('a plan that is changed gets a next version, one that is not gets none, and one that cannot be stops the setup', async () => {
  const withdrawal = { fee_basis_points: 50, fee_minimum: '1000', fee_cap: '10000' }
  expect(setup({ fee_basis_points: 150 }, {})).toBe('')
  setup({ fee_basis_points: 150 }, { withdrawal })
  setup({ fee_basis_points: 150 }, { withdrawal })
  const taxed = { fee_basis_points: 120, fee_fixed: '5', fee_tax: { authority: 'kra', basis_points: 1_600 } }
  setup({ ...taxed, fee_on_refund: 'proportional' }, { withdrawal: { ...withdrawal, fee_cap: '9000' } })
  expect(setup(taxed, { purchase: withdrawal })).toContain('MOORING_PAYER_FEES')
  expect(await plans()).toEqual([
    { of: 'merchant', version: 1, plan: '150 0 0 kept' },
    { of: 'merchant', version: 2, plan: '120 5 0 kra 1600 proportional' },
    { of: 'payer:withdrawal', version: 1, plan: '50 0 1000 10000 kept' },
    { of: 'payer:withdrawal', version: 2, plan: '50 0 1000 9000 kept' },
  ])
}, 300_000)
