import { createPrivateKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import { z } from 'zod'
import { openDatabase } from '../../src/ledger/index.ts'

/**
 * The people whose phones a bench opens sockets for: users and devices in Postgres as sign-up leaves them, written at
 * once rather than by thousands of SMS. All devices have one key: whose it is, is checked by the hub for each.
 */

const digits = (n: number): string => String(n).padStart(9, '0')
export const userOf = (n: number): string => `usr_sockets${digits(n)}`
export const deviceOf = (n: number): string => `dev_sockets${digits(n)}`

export const People = z.object({
  /** PKCS#8, base64. */
  key: z.string(),
  jkt: z.string(),
  count: z.number(),
})
export type People = z.infer<typeof People>

export async function makePeople(databaseUrl: string, count: number): Promise<People> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { kty, crv, x, y } = publicKey.export({ format: 'jwk' })
  const jwk = { kty: String(kty), crv: String(crv), x: String(x), y: String(y) }
  const jkt = await calculateJwkThumbprint(jwk)
  const sql = openDatabase({ url: databaseUrl, name: 'bench-people', connections: 1 })
  try {
    await sql`
      insert into users (id, phone)
      select 'usr_sockets' || lpad(n::text, 9, '0'), '+25490' || lpad(n::text, 8, '0') from generate_series(0, ${count - 1}) n`
    await sql`
      insert into devices (id, user_id, name, public_key, jkt, status)
      select 'dev_sockets' || lpad(n::text, 9, '0'), 'usr_sockets' || lpad(n::text, 9, '0'), 'a phone',
        ${sql.json(jwk)}, ${jkt}, 'active'
      from generate_series(0, ${count - 1}) n`
    await sql`analyze users, devices`
  } finally {
    await sql.end()
  }
  return { key: privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64'), jkt, count }
}

export const keyOf = ({ key }: People): KeyObject =>
  createPrivateKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'pkcs8' })

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A compact JWS, ES256. */
export function jws(key: KeyObject, header: object, claims: object): string {
  const text = `${encoded({ alg: 'ES256', ...header })}.${encoded(claims)}`
  return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}
