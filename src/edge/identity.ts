/** Who a session speaks for, once the hub has said so. Replaced whole when the client brings a newer token. */
export type Identity = { session: string; user: string; device: string; token: string; expiresAt_ms: number }
