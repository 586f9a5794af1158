import type { AccountSpec } from '../domain/postings.ts'
import type { Sql } from './database.ts'
import { derivedUuid } from './derived-uuid.ts'

/** An account's id follows from its ledger and name, so nobody needs to look it up. */
export function accountId(ledger: number, name: string): string {
  return derivedUuid(`${String(ledger)}/${name}`)
}

/** Accounts this process knows to exist; they are never deleted, so knowing is for ever. Bounded. */
const KNOWN_LIMIT = 100_000

export type AccountBook = {
  /** Makes sure that each exists and returns their ids, in the order given. */
  ensure(ledger: number, specs: readonly AccountSpec[]): Promise<string[]>
}

export function makeAccountBook(sql: Sql): AccountBook {
  const known = new Set<string>()
  return {
    async ensure(ledger, specs) {
      const ids = specs.map((spec) => accountId(ledger, spec.name))
      const missing = specs.flatMap((spec, i) => {
        const id = ids[i] ?? ''
        return known.has(id)
          ? []
          : [
              {
                ledger,
                id,
                code: spec.code,
                name: spec.name,
                owner: spec.owner,
                debits_must_not_exceed_credits: spec.debitsMustNotExceedCredits,
                credits_must_not_exceed_debits: false,
              },
            ]
      })
      if (missing.length > 0) {
        await sql`select open_accounts(${JSON.stringify(missing)}::text::jsonb)`
        if (known.size > KNOWN_LIMIT) known.clear()
        for (const account of missing) known.add(account.id)
      }
      return ids
    },
  }
}
