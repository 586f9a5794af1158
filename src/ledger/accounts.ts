import { type AccountSpec, chartRow } from '../domain/accounting/index.ts'
import type { Sql } from './database.ts'
import { derivedUuid } from './derived-uuid.ts'
import { LANES, laneOf } from './lanes.ts'

/** An account's id follows from its ledger, name and shard, so nobody needs to look it up. */
export function accountId(ledger: number, name: string, shard = 0): string {
  return derivedUuid(`${String(ledger)}/${name}${shard === 0 ? '' : `#${String(shard)}`}`)
}

/** Accounts this process knows to exist; they are never deleted, so knowing is for ever. Bounded. */
const KNOWN_LIMIT = 100_000

export type AccountPair = { debit: AccountSpec; credit: AccountSpec }

export type AccountBook = {
  /** Makes sure that each exists and returns their ids, in the order given. What is there stays as it was opened. */
  ensure(ledger: number, specs: readonly AccountSpec[]): Promise<string[]>
  /**
   * The same for the two sides of a payment's legs; `laneKey` as of its units (src/ledger/lanes.ts). An account that
   * the chart says may be several rows is one for each lane of each process (its shard), so that calls do not wait for
   * each other at it: one of ours on either side, a merchant's on the side that only adds. That one is debited from
   * shard 0 alone, where `sweepShards` brings what the others took in.
   */
  ensureLegs(
    ledger: number,
    legs: readonly AccountPair[],
    laneKey: string,
  ): Promise<{ debit: string; credit: string }[]>
}

type AccountRow = Record<string, string | number | boolean | null> & { id: string }

/** `process`: which of the processes that share the ledger this is, from 0; its lanes' shards follow from it. */
export function makeAccountBook(sql: Sql, process = 0): AccountBook {
  /** Ids by what they follow from: those of accounts that are there. */
  const known = new Map<string, string>()
  const keyOf = (ledger: number, name: string, shard: number) => `${String(ledger)} ${String(shard)} ${name}`

  async function open(ledger: number, wanted: readonly { spec: AccountSpec; shard: number }[]): Promise<string[]> {
    const missing = new Map<string, AccountRow>()
    const ids = wanted.map(({ spec, shard }) => {
      const key = keyOf(ledger, spec.name, shard)
      const there = known.get(key)
      if (there !== undefined) return there
      const main = accountId(ledger, spec.name)
      const row = {
        ledger,
        main,
        code: spec.code,
        name: spec.name,
        owner: spec.owner,
        debits_must_not_exceed_credits: spec.debitsMustNotExceedCredits,
        credits_must_not_exceed_debits: spec.creditsMustNotExceedDebits ?? false,
      }
      // Shard 0 stands for the account wherever it is named.
      const allowance = (spec.allowanceMinor ?? 0n).toString()
      missing.set(keyOf(ledger, spec.name, 0), { ...row, id: main, shard: 0, allowance })
      if (shard === 0) return main
      const id = accountId(ledger, spec.name, shard)
      missing.set(key, { ...row, id, shard })
      return id
    })
    if (missing.size > 0) {
      await sql`select open_accounts(${JSON.stringify([...missing.values()])}::text::jsonb)`
      if (known.size > KNOWN_LIMIT) known.clear()
      for (const [key, { id }] of missing) known.set(key, id)
    }
    return ids
  }

  const sharded = (spec: AccountSpec) => spec.sharded ?? chartRow(spec.code)?.sharded ?? 'no'
  return {
    ensure: (ledger, specs) =>
      open(
        ledger,
        specs.map((spec) => ({ spec, shard: 0 })),
      ),
    async ensureLegs(ledger, legs, laneKey) {
      const shard = process * LANES + laneOf(laneKey)
      const ids = await open(
        ledger,
        legs.flatMap(({ debit, credit }) => [
          { spec: debit, shard: sharded(debit) === 'either_side' ? shard : 0 },
          { spec: credit, shard: sharded(credit) === 'no' ? 0 : shard },
        ]),
      )
      return legs.map((_, i) => ({ debit: ids[2 * i] ?? '', credit: ids[2 * i + 1] ?? '' }))
    },
  }
}
