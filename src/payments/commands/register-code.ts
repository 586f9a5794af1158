import { randomBytes, randomInt } from 'node:crypto'
import { CompactEncrypt, importJWK } from 'jose'
import type { CommandAnswer, CommandBody, DevicePublicKey } from '../../contract/index.ts'
import { CODE_SECRET_BYTES, CODE_STEP_S } from '../../domain/customer-code.ts'
import { refuse } from '../../domain/refusal.ts'
import { checkAction } from './action.ts'
import type { Decision, PhoneCommand } from './pipeline.ts'
import type { PaymentDeps } from '../deps.ts'
import { codeColumns, type CodeRow } from '../codes/book.ts'

/**
 * `code.register`: a new number and secret for this device, in place of those it had; what it has paid by code alone stays
 * counted. The secret leaves encrypted to a key that came with the signed command, and lies sealed.
 */
export async function decideRegisterCode(
  deps: PaymentDeps,
  { principal, body }: PhoneCommand<CommandBody<'code.register'>>,
): Promise<Decision> {
  const secret = randomBytes(CODE_SECRET_BYTES)
  const secretJwe = await encrypted(secret, body.key)
  if (secretJwe === null) {
    const message = 'The key is no point on P-256; make a new pair and register again.'
    return { kind: 'refusal', refusal: refuse('invalid_request', message, { param: 'key' }) }
  }
  const signed = await checkAction(deps, principal, 'code.register', body, () => null)
  if (!signed.ok) return { kind: 'refusal', refusal: signed.error }
  const { user, device } = principal
  const before = await deps.codes.ofDevice(device)
  const number = String(randomInt(1_000_000_000)).padStart(9, '0')
  const row: CodeRow = {
    untouched_count: 0,
    untouched_minor: 0n,
    untouched_at: null,
    touched_at: null,
    ...before,
    device,
    user_id: user,
    number,
    sealed: deps.codes.seal(secret, { device, number }),
    version: (before?.version ?? 0) + 1,
    registered_at: new Date(deps.clock.now()),
  }
  const answer: CommandAnswer<'code.register'> = {
    number,
    secret_jwe: secretJwe,
    step_s: CODE_STEP_S,
    no_touch_max: deps.codes.caps.paymentMaxMinor.toString(),
  }
  return {
    kind: 'unit',
    unit: {
      ...(signed.value.jti === null ? {} : { jti: signed.value.jti }),
      guard: { code: { device, version: before?.version ?? 0 } },
      ok: { code: codeColumns(row) },
    },
    body: answer,
  }
}

/** Null where the key is not one that anything can be encrypted to. */
async function encrypted(secret: Uint8Array, key: DevicePublicKey): Promise<string | null> {
  try {
    const { kty, crv, x, y } = key
    return await new CompactEncrypt(secret)
      .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM' })
      .encrypt(await importJWK({ kty, crv, x, y }, 'ECDH-ES'))
  } catch {
    return null
  }
}
