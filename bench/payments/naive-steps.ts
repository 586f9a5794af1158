import { randomUUID } from 'node:crypto'
import type { RailOrder, RailOutcome } from '../../src/rails/port.ts'
import type { Sql } from '../../src/ledger/index.ts'

/** All a naive payment knows. */
export type NaivePayment = { id: string; amount: string; merchant: string }

export type NaiveActivities = {
  reserve(payment: NaivePayment): Promise<void>
  /** Answers the bank's own reference. */
  charge(payment: NaivePayment): Promise<string>
  settle(payment: NaivePayment, railReference: string): Promise<void>
}

/** Asks the bank for this much of the peer's customer, and brings what it said. */
export type Collect = (order: Pick<RailOrder, 'reference' | 'uetr' | 'amountMinor'>) => Promise<RailOutcome>

/** Double entry on three little tables; no guard, no outbox, no history. */
export async function makeNaiveTables(sql: Sql): Promise<void> {
  await sql`create table accounts (id text primary key, balance bigint not null default 0)`
  await sql`
    create table payments (id text primary key, merchant text not null, amount bigint not null, status text not null,
      rail_reference text, updated_at timestamptz not null default now())`
  await sql`
    create table postings (id bigint generated always as identity primary key, payment text not null references payments,
      account text not null references accounts, amount bigint not null)`
}

/**
 * Three steps, one transaction each. There is no fence: the call is made and then written down, and one that failed
 * is made again under a new reference, as the activity's retry has it. That is what makes it naive.
 */
export function naiveSteps(sql: Sql, collect: Collect): NaiveActivities {
  return {
    reserve: async ({ id, merchant, amount }) => {
      await sql.begin(async (tx) => {
        await tx`insert into accounts (id) values (${merchant}), ('clearing') on conflict do nothing`
        await tx`insert into payments (id, merchant, amount, status) values (${id}, ${merchant}, ${amount}, 'reserved')`
      })
    },
    charge: async ({ id, amount }) => {
      const uetr = randomUUID()
      const reference = uetr.replaceAll('-', '').slice(0, 30)
      const outcome = await collect({ reference, uetr, amountMinor: BigInt(amount) })
      if (outcome.kind !== 'settled') throw new Error(`the bank answered ${JSON.stringify(outcome)}`)
      await sql.begin(
        (tx) => tx`
        update payments set status = 'charged', rail_reference = ${reference}, updated_at = now() where id = ${id}`,
      )
      return reference
    },
    settle: async ({ id, merchant, amount }) => {
      await sql.begin(async (tx) => {
        await tx`
          insert into postings (payment, account, amount)
          values (${id}, 'clearing', -(${amount}::bigint)), (${id}, ${merchant}, ${amount}::bigint)`
        await tx`update accounts set balance = balance - ${amount}::bigint where id = 'clearing'`
        await tx`update accounts set balance = balance + ${amount}::bigint where id = ${merchant}`
        await tx`update payments set status = 'succeeded', updated_at = now() where id = ${id}`
      })
    },
  }
}
