import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { type Fault, type Head, verify as verifyOf } from '../../ledger/index.ts'
import type { Command } from '../command.ts'
import { OpsRefusal } from '../refusal.ts'
import { columns, indented } from '../text.ts'

/** What `ledger verify --json` printed, of which the heads are read. */
const KeptHeads = z.object({
  heads: z.array(
    z.object({
      ledger: z.number().int(),
      no: z
        .string()
        .regex(/^[1-9][0-9]{0,17}$/)
        .transform((text) => BigInt(text)),
      hash: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
})

export const verify: Command = {
  name: 'ledger verify',
  argument: null,
  options: ['heads'],
  what: [
    'walks the hash chain over all of history, names rows that were altered, deleted or',
    'inserted, and prints the heads; compares them with those an earlier --json kept',
  ],
  async ask(sql, _, given) {
    const kept = given.heads === undefined ? [] : readHeads(given.heads)
    const found = await verifyOf(sql, { heads: kept })
    const ledgers = await sql<{ id: number; currency: string; tenant: string }[]>`
      select id, currency, tenant from ledgers`
    const nameOf = (ledger: number): string => {
      const of = ledgers.find(({ id }) => id === ledger)
      if (of === undefined) return 'no ledger'
      return of.tenant === 'default' ? of.currency : `${of.currency} ${of.tenant}`
    }
    const sayFault = ({ ledger, text }: Fault) => `  ${ledger === null ? '' : `${nameOf(ledger)}: `}${text}`
    const ok = found.faults.length === 0
    return {
      ok,
      json: {
        ok,
        at: found.at,
        transfers: found.transfers,
        seals: found.seals,
        not_sealed: found.notSealed,
        sealed_up_to: found.sealedUpTo,
        heads: found.heads,
        heads_compared: kept.length,
        faults: found.faults,
      },
      text: [
        `ledger verify at ${found.at.toISOString()}: ${String(found.transfers)} transfers in ${String(found.seals)} seals, ` +
          `up to position ${String(found.sealedUpTo)}; ${String(found.notSealed)} wait to be sealed`,
        '',
        'heads, to be kept outside the database',
        ...indented(
          columns(
            [
              ['ledger', '', 'seal', 'hash'],
              ...found.heads.map(({ ledger, no, hash }) => [String(ledger), nameOf(ledger), String(no), hash]),
            ],
            'rlrl',
          ),
        ),
        '',
        ...(ok ? [] : ['faults', ...found.faults.map(sayFault), '']),
        ok
          ? `History is as it was sealed${kept.length === 0 ? '' : `, and as the ${String(kept.length)} heads that were kept`}.`
          : 'History is NOT as it was sealed. docs/operations.md says what to do.',
      ],
    }
  },
}

/** @throws OpsRefusal */
function readHeads(path: string): Head[] {
  try {
    return KeptHeads.parse(JSON.parse(readFileSync(path, 'utf8'))).heads
  } catch (cause) {
    const message = `${path} holds no heads; expected a file that ledger verify --json wrote`
    throw new OpsRefusal('bad_heads', '--heads', message, { cause })
  }
}
