import type { SessionOpened } from '../bus/index.ts'

/** Whose socket it is: a user's phone, or a merchant that listens to all or one of its stores. */
export type Holder = { user: string; device: string } | { merchant: string; store: string | null }

/** Who a session speaks for, once the hub has said so. Replaced whole when the client brings a newer token. */
export type Identity = { session: string; holder: Holder; token: string; expiresAt_ms: number }

export function holderOf(opened: SessionOpened): Holder {
  if ('user' in opened) return { user: opened.user, device: opened.device }
  return { merchant: opened.merchant, store: opened.store }
}

/** The one feed that it hears. The hub looks by itself whether the token is for it. */
export function feedOf(holder: Holder): string {
  return 'user' in holder ? holder.user : (holder.store ?? holder.merchant)
}

/** Null of a merchant: any number of its tills may listen at once. */
export function deviceOf(identity: Identity | null): string | null {
  return identity !== null && 'device' in identity.holder ? identity.holder.device : null
}

export function isSame(a: Holder, b: Holder): boolean {
  return feedOf(a) === feedOf(b) && ('device' in a ? a.device : null) === ('device' in b ? b.device : null)
}
