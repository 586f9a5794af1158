import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

/** Passwords as scrypt keys (RFC 7914), with the costs they were made with: `scrypt$N$r$p$salt$key`. */

/** 32 MiB and some 80 ms on one core. */
const COST = { N: 2 ** 15, r: 8, p: 1 }
const SALT_BYTES = 16
const KEY_BYTES = 32

function derive(password: string, salt: Uint8Array, cost: typeof COST): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // One spelling of what people type alike.
    scrypt(password.normalize('NFKC'), salt, KEY_BYTES, { ...cost, maxmem: 256 * cost.N * cost.r }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    )
  })
}

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const key = await derive(password, salt, COST)
  return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64url'), key.toString('base64url')].join('$')
}

/** For a name that nobody has: the answer takes as long as for one that somebody has. */
const NOBODY = hashPassword(randomBytes(KEY_BYTES).toString('base64url'))

/** Whether this is the password; `stored` undefined: there is no such operator, and it never is. */
export async function isPassword(password: string, stored: string | undefined): Promise<boolean> {
  const [, n = '', r = '', p = '', salt = '', expected = ''] = (stored ?? (await NOBODY)).split('$')
  const cost = { N: Number(n), r: Number(r), p: Number(p) }
  const key = await derive(password, Buffer.from(salt, 'base64url'), cost)
  return timingSafeEqual(key, Buffer.from(expected, 'base64url')) && stored !== undefined
}
