import { refuse, type Refusal } from '../../domain/refusal.ts'
import { assertNever } from '../../domain/result.ts'
import type { PinVerdict } from '../../identity/index.ts'
import type { PhoneCommand } from './pipeline.ts'

/**
 * What a command that needs the user's PIN is refused for; null where the PIN is right. The guess is judged once for a
 * command, however often the command is decided, and takes one of the user's tries.
 */
export async function refusalOfPin({
  body,
  judgePin,
}: PhoneCommand<{ pin?: string | undefined }>): Promise<Refusal | null> {
  if (body.pin === undefined) return refuse('pin_required', 'This needs your PIN.', { param: 'pin' })
  return pinRefusal(await judgePin(body.pin), 'pin')
}

/** @param param the field the guess came in */
export function pinRefusal(verdict: PinVerdict, param: 'pin' | 'old_pin'): Refusal | null {
  switch (verdict.kind) {
    case 'right':
      return null
    case 'none':
      return refuse('pin_required', 'This needs a PIN and you have none; set one with pin.set.', { param })
    case 'wrong': {
      const { triesLeft, lockedForMs } = verdict
      if (lockedForMs === null) {
        const tries = triesLeft === 1 ? 'one try is' : `${String(triesLeft)} tries are`
        return refuse('pin_wrong', `The PIN is wrong; ${tries} left.`, { param })
      }
      const message = `The PIN is wrong; try again in ${inWords(lockedForMs)}.`
      return refuse('pin_wrong', message, { param, retryAfterMs: lockedForMs })
    }
    case 'locked':
      return refuse('pin_locked', `Too many wrong PINs; try again in ${inWords(verdict.lockedForMs)}.`, {
        param,
        retryAfterMs: verdict.lockedForMs,
      })
    case 'busy':
      return tooManyPins()
    default:
      return assertNever(verdict, 'PIN verdict')
  }
}

export function tooManyPins(): Refusal {
  return refuse('overloaded', 'Too much at once; try again shortly with the same key.', { retryAfterMs: 500 })
}

function inWords(ms: number): string {
  const seconds = Math.ceil(ms / 1_000)
  return seconds < 120 ? `${String(seconds)} s` : `${String(Math.ceil(seconds / 60))} min`
}
