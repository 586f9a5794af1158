import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { INVARIANTS, audit, openDatabase } from '../ledger/index.ts'

/**
 * `npm run ops -- <command>`: what operators ask of a running system. It finds the
 * database in DATABASE_URL or in the dev.json of a running `npm start`.
 */

const USAGE = `usage: npm run ops -- ledger audit [--json] [--data <dir>]

  ledger audit   proves the ledger's invariants (${INVARIANTS.join(', ')}) on the live tables;
                 exits 1 and names the rows where one is broken`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    data: { type: 'string', default: process.env['MOORING_DATA'] ?? '.data' },
    help: { type: 'boolean', default: false },
  },
})

if (positionals.join(' ') !== 'ledger audit' || values.help) {
  console.log(USAGE)
  process.exit(values.help ? 0 : 2)
}
process.exitCode = await ledgerAudit()

async function ledgerAudit(): Promise<number> {
  const sql = openDatabase({ url: databaseUrl(), name: 'ops', connections: 1 })
  try {
    const report = await audit(sql)
    if (values.json) {
      console.log(JSON.stringify(report, null, 2))
    } else {
      const size = `${String(report.accounts)} accounts, ${String(report.transfers)} transfers, ${String(report.openHolds)} open holds`
      console.log(`ledger audit at ${report.at}: ${size}`)
      for (const invariant of INVARIANTS) {
        const broken = report.breaches.filter((breach) => breach.invariant === invariant)
        console.log(`  ${invariant} ${broken.length === 0 ? 'holds' : 'BROKEN'}`)
        for (const { what } of broken) console.log(`     ${what}`)
      }
    }
    return report.breaches.length === 0 ? 0 : 1
  } finally {
    await sql.end({ timeout: 1 })
  }
}

function databaseUrl(): string {
  const fromEnv = process.env['DATABASE_URL']
  if (fromEnv !== undefined && fromEnv !== '') return fromEnv
  const path = join(values.data, 'dev.json')
  try {
    return z.object({ database: z.string() }).parse(JSON.parse(readFileSync(path, 'utf8'))).database
  } catch {
    console.error(`There is no running Mooring in ${values.data}: run npm start first, or set DATABASE_URL.`)
    process.exit(2)
  }
}
