import type { CommandName } from '../../contract/index.ts'
import { actionClaims } from '../../domain/confirmation.ts'
import type { Refusal } from '../../domain/refusal.ts'
import { err, type Result } from '../../domain/result.ts'
import { actionBodyHash, mismatchRefusal, type Principal } from '../../identity/index.ts'
import type { PaymentDeps } from '../deps.ts'
import { type Signed, readSignature } from './authorise.ts'

/**
 * The signature of this device over exactly this command. `missing`: why what the body names is not there, which
 * counts before a signature over something else.
 */
export async function checkAction(
  deps: PaymentDeps,
  principal: Principal,
  name: CommandName,
  body: { action: string },
  missing: () => Refusal | null,
): Promise<Result<Signed, Refusal>> {
  const signed = await readSignature(deps, principal, body.action, 'action')
  if (!signed.ok) return signed
  const absent = missing()
  if (absent !== null) return err(absent)
  const { user, device } = principal
  const expected = actionClaims({ user, device, name, bodyHash: actionBodyHash(body) })
  const mismatch = mismatchRefusal(signed.value.claims, expected)
  return mismatch === null ? signed : err(mismatch)
}
