/** 122 random bits as an idempotency key (protocol.md: 16 to 64 of A-Z a-z 0-9 _ -). */
export function newKey(): string {
  return crypto.randomUUID()
}
