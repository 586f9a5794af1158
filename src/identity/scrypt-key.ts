import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

/** A secret as a scrypt key (RFC 7914), with the costs it was made with: `scrypt$N$r$p$salt$key`. */

/** 16 MiB and some 40 ms of one core, away from the event loop. */
const COST = { N: 2 ** 14, r: 8, p: 1 }
const SALT_BYTES = 16
const KEY_BYTES = 32

export async function makeScryptKey(secret: Uint8Array): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const key = await derive(secret, salt, COST)
  return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64url'), key.toString('base64url')].join('$')
}

/** Whether `stored` was made of this secret. */
export async function matchesScryptKey(secret: Uint8Array, stored: string): Promise<boolean> {
  const [, n = '', r = '', p = '', salt = '', expected = ''] = stored.split('$')
  const key = await derive(secret, Buffer.from(salt, 'base64url'), { N: Number(n), r: Number(r), p: Number(p) })
  return timingSafeEqual(key, Buffer.from(expected, 'base64url'))
}

function derive(secret: Uint8Array, salt: Uint8Array, cost: typeof COST): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, KEY_BYTES, { ...cost, maxmem: 256 * cost.N * cost.r }, (error, key) => {
      if (error === null) resolve(key)
      else reject(error)
    })
  })
}
