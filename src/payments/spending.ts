import type { LimitView } from '../contract/index.ts'
import type { PaymentKind } from '../contract/names.ts'
import { countsAgainstLimits, periodsIn } from '../domain/limits.ts'
import type { Limit, LimitBook, Sql, TransferInput } from '../ledger/index.ts'
import type { PaymentRow } from './rows.ts'

/**
 * What users may spend. The limits of a day and a month are taken by legs in the unit that accepts the payment and are
 * given back, or posted, with its money; that of one payment is a rule. Reads here only tell: the ledger decides.
 */
export type Spending = {
  /** The legs an accepted payment takes of its payer's limits: held as long as its money, or posted with it. */
  legs(row: PaymentRow, nowMs: number): Promise<TransferInput[]>
  /** Whether a payment of this total would fit all limits now. */
  fits(of: { user: string; kind: PaymentKind; totalMinor: bigint }, nowMs: number): Promise<boolean>
  list(user: string, nowMs: number): Promise<LimitView[]>
}

export type SpendingRules = {
  currency: string
  /** Minor units. */
  paymentMaxMinor: bigint
  dayMaxMinor: bigint
  monthMaxMinor: bigint
  /** Whose days and months they are, IANA. */
  timeZone: string
}

export function makeSpending(deps: { sql: Sql; book: LimitBook; rules: SpendingRules }): Spending {
  const { sql, book, rules } = deps
  const periodsAt = periodsIn(rules.timeZone)

  function limitsOf(user: string, nowMs: number): [day: Limit, month: Limit] {
    const { day, month } = periodsAt(nowMs)
    return [
      { owner: user, period: day, amountMinor: rules.dayMaxMinor },
      { owner: user, period: month, amountMinor: rules.monthMaxMinor },
    ]
  }

  return {
    async legs(row, nowMs) {
      if (!countsAgainstLimits(row.kind) || row.payer === null) return []
      return book.use(limitsOf(row.payer, nowMs), {
        amountMinor: row.amount + row.payer_fee,
        subject: row.id,
        kind: row.status === 'succeeded' ? 'post' : 'reserve',
      })
    },

    async fits({ user, kind, totalMinor }, nowMs) {
      if (totalMinor > rules.paymentMaxMinor) return false
      if (!countsAgainstLimits(kind)) return true
      const standing = await book.standing(sql, limitsOf(user, nowMs))
      return standing.every(({ usedMinor, maxMinor }) => usedMinor + totalMinor <= maxMinor)
    },

    async list(user, nowMs) {
      const { currency, paymentMaxMinor } = rules
      const standing = await book.standing(sql, limitsOf(user, nowMs))
      const periods = (['day', 'month'] as const).map((period, i): LimitView => {
        const { usedMinor = 0n, maxMinor = 0n } = standing[i] ?? {}
        return { name: period, currency, period, max: maxMinor.toString(), used: usedMinor.toString() }
      })
      return [{ name: 'payment', currency, period: 'payment', max: paymentMaxMinor.toString(), used: '0' }, ...periods]
    },
  }
}
