import { refuse, type Refusal } from '../../domain/refusal.ts'
import { err, ok, type Result } from '../../domain/result.ts'
import type { PaymentDeps } from '../deps.ts'
import type { Buckets } from '../../domain/rate.ts'

/** Enough of a number for a payer to recognise whom they meant, not enough to learn it: `+2547 ••• ••01`. */
export function maskedPhone(phone: string): string {
  return `${phone.slice(0, 5)} ••• ••${phone.slice(-2)}`
}

/** `payee.resolve`: from a phone number to the user behind it; rate-limited, so that numbers cannot be walked. */
export async function resolvePayee(
  deps: PaymentDeps,
  lookups: Buckets,
  user: string,
  phone: string,
): Promise<Result<{ user: string; masked_name: string }, Refusal>> {
  const taken = lookups.take(user)
  if (!taken.ok)
    return err(
      refuse('rate_limited', 'Too many numbers looked up; wait a little.', { retryAfterMs: taken.retryAfterMs }),
    )
  const [row] = await deps.sql<{ id: string }[]>`select id from users where phone = ${phone} and status = 'active'`
  if (row === undefined) return err(refuse('not_found', 'Nobody with this number is here yet.', { param: 'phone' }))
  return ok({ user: row.id, masked_name: maskedPhone(phone) })
}
