import type { PaymentDeps } from './deps.ts'

export type StoreRow = { id: string; name: string; created_at: Date }

type Reading = Pick<PaymentDeps, 'sql'>

export async function findStore({ sql }: Reading, merchant: string, store: string): Promise<StoreRow | null> {
  const [row] = await sql<StoreRow[]>`
    select id, name, created_at from stores where id = ${store} and merchant = ${merchant}`
  return row ?? null
}

export async function ownsStore(deps: Reading, merchant: string, store: string): Promise<boolean> {
  return (await findStore(deps, merchant, store)) !== null
}
