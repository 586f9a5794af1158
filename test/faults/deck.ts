import { COURSE, WAYS, type Order, type Way } from '../e2e/support/orders.ts'
import type { World } from '../e2e/support/world.ts'
import { seeded, shuffled } from '../support/seed.ts'

/** Of each hundred payments; 70 are at a rail. */
const SHARES: Readonly<Record<Way, number>> = {
  'qr from bank': 12,
  'qr from wallet': 15,
  'qr from phone bill': 15,
  'qr from mobile money': 10,
  'top-up': 10,
  'top-up by mobile money': 8,
  withdrawal: 8,
  'withdrawal to mobile money': 7,
  'person to person': 15,
}
const AMOUNT = { least: 100, spread: 2_900 }
/** Of the purchases: this share is refunded in part, and of those this share by two refunds at once. */
const REFUNDED = { once: 0.4, twice: 0.25 }

/** A run's orders: the same seed deals the same ways, amounts and people in the same order. */
export function deal(world: World, seed: number, count: number): Order[] {
  const random = seeded(seed)
  const pick = <T>(from: readonly [T, ...T[]]): T => from[Math.floor(random() * from.length)] ?? from[0]
  const hundred = WAYS.flatMap((way) => Array.from({ length: SHARES[way] }, () => way))
  const ways = shuffled(
    Array.from({ length: count }, (_, i) => hundred[i % hundred.length] ?? 'qr from bank'),
    random,
  )
  return ways.map((way) => {
    const payer = pick(world.phones)
    const [someone, someoneElse] = [pick(world.phones), world.phones[payer === world.phones[0] ? 1 : 0]]
    const amountMinor = BigInt(AMOUNT.least + Math.floor(random() * AMOUNT.spread))
    return {
      way,
      amountMinor,
      payer,
      payee: someone === payer ? someoneElse : someone,
      merchant: pick(world.merchants),
      refundsMinor: COURSE[way].kind === 'purchase' ? refunds(amountMinor, random) : [],
    }
  })
}

/** Parts that leave the merchant something of what it was paid. */
function refunds(amountMinor: bigint, random: () => number): bigint[] {
  if (random() >= REFUNDED.once) return []
  const parts = random() < REFUNDED.twice ? 2 : 1
  return Array.from({ length: parts }, () => 1n + BigInt(Math.floor((Number(amountMinor) * random()) / 3)))
}
