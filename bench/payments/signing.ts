import { createHash, randomBytes } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { DeviceKey } from '../../clients/mobile/index.ts'
import type { ActionClaims, ConfirmClaims, PaymentView } from '../../src/contract/index.ts'
import { PROOF_TYP, type ProofTyp } from '../../src/contract/names.ts'

/** What the bench signs by itself: ahead of time, or for what the SDK has no call for. */

export type Signed = {
  key: DeviceKey
  user: string
  device: string
  env: 'test' | 'live'
  /** Time by the server, ms. */
  now: () => number
}

/** A confirmation is taken for at most 300 s. */
const LIFE_S = 240

/** The payer's yes to a purchase, exactly as the SDK signs it. */
export function signedConfirmation(
  signer: Signed,
  payment: Pick<PaymentView, 'id' | 'kind' | 'payee' | 'amount' | 'currency' | 'capture_method' | 'order_ref'>,
  source: string,
): Promise<string> {
  const { id, kind, payee, amount, currency, capture_method, order_ref } = payment
  const claims: ConfirmClaims = {
    aud: 'mooring:confirm',
    env: signer.env,
    payment: id,
    kind,
    payee,
    amount,
    currency,
    payer_fee: '0',
    total: amount,
    source,
    capture_method,
    ...(order_ref === null ? {} : { order_ref }),
    ...dated(signer),
  }
  return jws(signer, PROOF_TYP.confirm, claims)
}

/** The body of a `source.link` to an account at a mobile money operator. */
export async function linkMobileMoney(signer: Signed, operator: string): Promise<object> {
  const covered = { type: 'mobile_money', operator }
  const body = createHash('sha256')
    .update(canonicalize(covered) ?? '')
    .digest('base64url')
  const claims: ActionClaims = { aud: 'mooring:action', name: 'source.link', body, ...dated(signer) }
  return { ...covered, action: await jws(signer, PROOF_TYP.action, claims) }
}

function dated({ user, device, now }: Signed) {
  const exp = Math.floor(now() / 1_000) + LIFE_S
  return { sub: user, device, jti: randomBytes(16).toString('base64url'), exp }
}

/** A compact JWS by the device's key (ES256, RFC 7515). */
async function jws({ key, device }: Signed, typ: ProofTyp, claims: object): Promise<string> {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const content = `${part({ alg: 'ES256', typ, kid: device })}.${part(claims)}`
  const signature = await key.sign(new TextEncoder().encode(content))
  return `${content}.${Buffer.from(signature).toString('base64url')}`
}
