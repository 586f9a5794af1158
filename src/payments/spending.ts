import type { LimitView } from '../contract/index.ts'
import type { PaymentKind } from '../contract/names.ts'
import { countsAgainstLimits, periodsIn } from '../domain/limits.ts'
import type { Tier } from '../identity/index.ts'
import type { Limit, LimitBook, LimitStanding, Sql, TransferInput } from '../ledger/index.ts'
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
  /** The most one payment of this user may move now. */
  paymentMaxMinor(user: string): Promise<bigint>
}

export type SpendingRules = {
  currency: string
  /** Minor units. */
  paymentMaxMinor: bigint
  dayMaxMinor: bigint
  monthMaxMinor: bigint
  /** Of users whose limits are low: after a new device, and after a new SIM card. */
  low: { paymentMaxMinor: bigint; dayMaxMinor: bigint }
  /** Whose days and months they are, IANA. */
  timeZone: string
}

export function makeSpending(deps: {
  sql: Sql
  book: LimitBook
  rules: SpendingRules
  tierOf: (user: string) => Promise<Tier>
}): Spending {
  const { sql, book, rules } = deps
  const periodsAt = periodsIn(rules.timeZone)

  /**
   * Low limits are a further bucket of the day, beside the full ones: what is spent meanwhile counts in both, so that
   * neither getting a new device nor waiting for its time makes room.
   */
  async function limitsOf(user: string, nowMs: number): Promise<Bounds> {
    const { day, month } = periodsAt(nowMs)
    const full = { owner: user, period: day, amountMinor: rules.dayMaxMinor }
    const low = { owner: user, period: `low-${day}`, amountMinor: rules.low.dayMaxMinor }
    return {
      day: (await deps.tierOf(user)) === 'low' ? [full, low] : [full],
      month: [{ owner: user, period: month, amountMinor: rules.monthMaxMinor }],
    }
  }

  async function paymentMaxMinor(user: string): Promise<bigint> {
    return (await deps.tierOf(user)) === 'low'
      ? least(rules.low.paymentMaxMinor, rules.paymentMaxMinor)
      : rules.paymentMaxMinor
  }

  return {
    async legs(row, nowMs) {
      if (!countsAgainstLimits(row.kind) || row.payer === null) return []
      const { day, month } = await limitsOf(row.payer, nowMs)
      return book.use([...day, ...month], {
        amountMinor: row.amount + row.payer_fee,
        subject: row.id,
        kind: row.status === 'succeeded' ? 'post' : 'reserve',
      })
    },

    async fits({ user, kind, totalMinor }, nowMs) {
      if (totalMinor > (await paymentMaxMinor(user))) return false
      if (!countsAgainstLimits(kind)) return true
      const { day, month } = await limitsOf(user, nowMs)
      const standing = await book.standing(sql, [...day, ...month])
      return standing.every(({ usedMinor, maxMinor }) => usedMinor + totalMinor <= maxMinor)
    },

    async list(user, nowMs) {
      const { currency } = rules
      const bounds = await limitsOf(user, nowMs)
      const line = (name: Period, max: bigint, used: bigint): LimitView => ({
        name,
        currency,
        period: name,
        max: max.toString(),
        used: used.toString(),
      })
      const periods = (['day', 'month'] as const).map(async (period) => {
        const standing = await book.standing(sql, bounds[period])
        // Of two bounds on one period the one that leaves less is told.
        const left = ({ maxMinor, usedMinor }: LimitStanding) => maxMinor - usedMinor
        const tightest = standing.reduce((one, other) => (left(other) < left(one) ? other : one))
        return line(period, tightest.maxMinor, tightest.usedMinor)
      })
      return [line('payment', await paymentMaxMinor(user), 0n), ...(await Promise.all(periods))]
    },

    paymentMaxMinor,
  }
}

type Period = LimitView['period']
/** The limits that bound each period, never none. */
type Bounds = Record<'day' | 'month', Limit[]>

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b)
