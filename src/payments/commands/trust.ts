import { refusalReply } from '../../bus/index.ts'
import { refuse } from '../../domain/refusal.ts'
import type { PaymentDeps } from '../deps.ts'
import { guarded, type Respond } from './pipeline.ts'

/** A user's devices and PIN. */
export function trustCommands(
  deps: PaymentDeps,
): Readonly<Record<'device.list' | 'device.revoke' | 'device.approve' | 'pin.set', Respond>> {
  const later = guarded(deps, ({ requestId }) =>
    Promise.resolve({ reply: refusalReply(refuse('unknown_command', 'There is no such command yet.'), requestId) }),
  )
  return { 'device.list': later, 'device.revoke': later, 'device.approve': later, 'pin.set': later }
}
