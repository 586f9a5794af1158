import type { ProofTyp } from '../../src/contract/names.ts'
import { base64url, utf8 } from './base64url.ts'
import type { DeviceKey } from './device-key.ts'

/** A compact JWS by the device's key (ES256, RFC 7515); at enrolment there is no device id, so no `kid`. */
export async function sign(key: DeviceKey, typ: ProofTyp, device: string | null, claims: object): Promise<string> {
  const header = device === null ? { alg: 'ES256', typ } : { alg: 'ES256', typ, kid: device }
  const content = `${base64url(utf8(JSON.stringify(header)))}.${base64url(utf8(JSON.stringify(claims)))}`
  return `${content}.${base64url(await key.sign(utf8(content)))}`
}
