import type { Unit, UnitResult } from '../../../src/ledger/index.ts'

export type Counters = { dp: bigint; dd: bigint; cp: bigint; cc: bigint }

type Hold = { debit: string; credit: string; amount: bigint }

/** What the counters of all accounts must be: the sum over acknowledged units, each transfer once. */
export type Tally = {
  /** Counts what an acknowledged unit moved; the same unit again, or the same transfer, adds nothing. */
  acknowledge(unit: Unit, result: UnitResult): void
  readonly counters: ReadonlyMap<string, Counters>
  readonly transfers: ReadonlySet<string>
}

export function makeTally(): Tally {
  const counters = new Map<string, Counters>()
  const transfers = new Set<string>()
  const holds = new Map<string, Hold>()

  function of(account: string): Counters {
    const known = counters.get(account) ?? { dp: 0n, dd: 0n, cp: 0n, cc: 0n }
    counters.set(account, known)
    return known
  }

  function hold(of_: Hold, sign: 1n | -1n): void {
    of(of_.debit).dp += sign * of_.amount
    of(of_.credit).cp += sign * of_.amount
  }

  function post({ debit, credit, amount }: Hold): void {
    of(debit).dd += amount
    of(credit).cc += amount
  }

  return {
    counters,
    transfers,
    acknowledge(unit, result) {
      if (result.code !== 'ok') return
      for (const transfer of unit.transfers ?? []) {
        const told = result.amounts?.[transfer.id]
        // Told of a leg that is not `up_to`: it was there before, and whoever made it counts it.
        if (transfers.has(transfer.id) || (transfer.up_to === true) !== (told !== undefined)) continue
        transfers.add(transfer.id)
        if (!('pending' in transfer)) {
          const moved = { ...transfer, amount: BigInt(told ?? transfer.amount) }
          if (transfer.kind === 'post') {
            post(moved)
          } else {
            hold(moved, 1n)
            holds.set(transfer.id, moved)
          }
          continue
        }
        const ended = holds.get(transfer.pending)
        if (ended === undefined) throw new Error('a hold was ended that nobody was told of')
        hold(ended, -1n)
        if (transfer.kind === 'confirm') post({ ...ended, amount: BigInt(transfer.amount ?? ended.amount) })
      }
    },
  }
}
