import type { CommandBody } from '../../contract/index.ts'
import type { Buckets } from '../../domain/rate.ts'
import { refuse } from '../../domain/refusal.ts'
import type { PaymentDeps } from '../deps.ts'
import { changeOf, sourceEvent } from '../mandates.ts'
import type { SourceRow } from '../rows.ts'
import { sourceView } from '../view.ts'
import { checkAction } from './action.ts'
import type { Decision, PhoneCommand } from './pipeline.ts'

/** What a user says of an account that is linked already. */

/** `source.unlink`: from now on nothing is paid from it; what is under way goes on. */
export async function decideUnlink(
  deps: PaymentDeps,
  command: PhoneCommand<CommandBody<'source.unlink'>>,
): Promise<Decision> {
  const found = await signedSource(deps, command, 'source.unlink')
  if ('refusal' in found) return { kind: 'refusal', refusal: found.refusal }
  const { source, jti } = found
  if (source.status === 'revoked') return { kind: 'reply', body: sourceView(source), jti }
  const after: SourceRow = { ...source, status: 'revoked', next_look_at: null }
  return {
    kind: 'unit',
    unit: {
      ...(jti === null ? {} : { jti }),
      guard: { source: { id: source.id, states: [source.status] } },
      ok: { source_change: changeOf(after), events: [sourceEvent(after, deps.ids)] },
    },
    body: sourceView(after),
    ...(source.status === 'requires_action' ? { after: () => deps.wake(source.id) } : {}),
  }
}

/** Less than this sooner is not worth a word to the workflow. */
const SOON_MS = 1_000

/**
 * `source.respond`: the user says that the mandate is approved, so the bank is asked now, or, where that was said a
 * moment ago, as soon as `looks` allows. Its answer comes as an event.
 */
export async function decideSourceRespond(
  deps: PaymentDeps,
  looks: Buckets,
  command: PhoneCommand<CommandBody<'source.respond'>>,
): Promise<Decision> {
  const found = await signedSource(deps, command, 'source.respond')
  if ('refusal' in found) return { kind: 'refusal', refusal: found.refusal }
  const { source, jti } = found
  if (source.status === 'active') return { kind: 'reply', body: sourceView(source), jti }
  if (source.status === 'revoked') {
    const message = 'This account is no longer linked; link it again.'
    return { kind: 'refusal', refusal: refuse('source_not_usable', message, { param: 'source' }) }
  }
  const at = deps.clock.now() + looks.take(source.id).retryAfterMs
  if (source.next_look_at !== null && source.next_look_at.getTime() < at + SOON_MS) {
    return { kind: 'reply', body: sourceView(source), jti }
  }
  return {
    kind: 'unit',
    unit: {
      ...(jti === null ? {} : { jti }),
      guard: { source: { id: source.id, states: [source.status] } },
      ok: { source_change: changeOf({ ...source, next_look_at: new Date(at) }) },
    },
    body: sourceView(source),
    after: () => deps.wake(source.id),
  }
}

async function signedSource(
  deps: PaymentDeps,
  { principal, body }: PhoneCommand<{ source: string; action: string }>,
  name: 'source.unlink' | 'source.respond',
) {
  const row = await deps.store.source(body.source)
  const source = row?.user_id === principal.user ? row : null
  const signed = await checkAction(deps, principal, name, body, () => null)
  if (!signed.ok) return { refusal: signed.error }
  if (source === null) {
    const message = 'There is no such linked account; see source.list.'
    return { refusal: refuse('source_not_found', message, { param: 'source' }) }
  }
  return { source, jti: signed.value.jti }
}
