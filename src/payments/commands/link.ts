import { COMMANDS, type CommandBody, isStoredRefusal } from '../../contract/index.ts'
import { refusalReply } from '../../bus/index.ts'
import { actionClaims } from '../../domain/confirmation.ts'
import { timestamp } from '../../domain/clock.ts'
import { ibanLabel, normaliseIban } from '../../domain/iban.ts'
import { refuse, type Refusal } from '../../domain/refusal.ts'
import { err, type Result } from '../../domain/result.ts'
import { actionBodyHash, mismatchRefusal, type Principal } from '../../identity/index.ts'
import { derivedUuid } from '../../ledger/index.ts'
import type { PaymentDeps } from '../deps.ts'
import type { SourceRow } from '../rows.ts'
import { sourceView } from '../view.ts'
import { type Signed, readSignature } from './authorise.ts'
import { type Decision, type Respond, decideAndApply, guarded, openChange, restricted } from './pipeline.ts'

/**
 * `source.link`: a mandate at the bank for one of its accounts. The command
 * speaks to the bank before it has anything to commit, so its key is leased
 * first: the same command meanwhile is `in_flight`, and after a crash the next
 * try takes the lease over and asks the bank under the same reference.
 */

const MANDATE_DEADLINE_MS = 8_000
/** Longer than the deadline: past it the asker is taken for dead. */
const LEASE_MS = 12_000

const NAME = 'source.link'

export function linkSource(deps: PaymentDeps): Respond {
  return guarded(deps, async (request) => {
    const refused = (refusal: Refusal) => ({ reply: refusalReply(refusal, request.requestId) })
    const opened = await openChange(deps, NAME, COMMANDS[NAME].body, request)
    if (!opened.ok) return { reply: opened.error }
    const { changer, hash } = opened.value
    const { principal, body, key } = opened.value.command
    const iban = normaliseIban(body.account)
    if (iban === null) {
      return refused(
        refuse('invalid_request', 'The account must be an IBAN with right check digits.', { param: 'account' }),
      )
    }
    if (principal.deviceStatus === 'restricted') {
      return refused(restricted())
    }

    const signed = await checkAction(deps, principal, body)
    if (!signed.ok) {
      if (!isStoredRefusal(signed.error.code)) return refused(signed.error)
      return decideAndApply(deps, changer, hash, () => Promise.resolve({ kind: 'refusal', refusal: signed.error }))
    }
    if (!(await takeLease(deps, changer.scope, changer.key, hash))) {
      return refused(
        refuse('in_flight', 'The account is being linked; ask again with the same key.', { retryAfterMs: 500 }),
      )
    }
    const mandate = await requestMandate(deps, principal.user, key, { bank: body.bank, iban })
    if (mandate.kind === 'unavailable') {
      await endLease(deps, changer.scope, changer.key)
      return refused(
        refuse('rail_unavailable', 'The bank does not answer; try again with the same key.', { retryAfterMs: 2_000 }),
      )
    }
    const decide = () => decideLink(deps, principal.user, signed.value, mandate)
    const answer = await decideAndApply(deps, changer, hash, decide, true)
    // What is not stored leaves the key free: the next try need not wait for the lease to run out.
    if (!answer.reply.ok && !isStoredRefusal(answer.reply.error.code)) await endLease(deps, changer.scope, changer.key)
    return answer
  })
}

type Body = CommandBody<typeof NAME>

/** The signature of this device over exactly this link, at a bank we have. */
async function checkAction(deps: PaymentDeps, principal: Principal, body: Body): Promise<Result<Signed, Refusal>> {
  const signed = await readSignature(deps, principal, body.action, 'action')
  if (!signed.ok) return signed
  if (deps.rails.get(body.bank)?.mandates === undefined) {
    return err(refuse('not_found', 'There is no such bank; see source.options.', { param: 'bank' }))
  }
  const expected = actionClaims({
    user: principal.user,
    device: principal.device,
    name: NAME,
    bodyHash: actionBodyHash(body),
  })
  const mismatch = mismatchRefusal(signed.value.claims, expected)
  return mismatch === null ? signed : err(mismatch)
}

async function takeLease(deps: PaymentDeps, scope: string, key: string, hash: string): Promise<boolean> {
  const rows = await deps.sql`
    insert into idempotency (scope, key, content_hash, lease_until)
    values (${scope}, ${key}, ${hash}, clock_timestamp() + make_interval(secs => ${LEASE_MS / 1_000}))
    on conflict (scope, key) do update set lease_until = excluded.lease_until
      where idempotency.reply is null and idempotency.content_hash = excluded.content_hash
        and idempotency.lease_until <= clock_timestamp()
    returning key`
  return rows.length > 0
}

/** Lets the next try go ahead at once. */
async function endLease(deps: PaymentDeps, scope: string, key: string): Promise<void> {
  await deps.sql`
    update idempotency set lease_until = clock_timestamp()
    where scope = ${scope} and key = ${key} and reply is null`
}

type Mandate = { kind: 'granted'; source: SourceRow } | { kind: 'refused'; reason: string } | { kind: 'unavailable' }

async function requestMandate(
  deps: PaymentDeps,
  user: string,
  key: string,
  account: { bank: string; iban: string },
): Promise<Mandate> {
  const bank = deps.rails.get(account.bank)
  if (bank?.mandates === undefined) throw new Error(`bank ${account.bank} went away`)
  const { iban } = account
  const holder = `Customer ${user}`
  // The same command is the same mandate at the bank, however often it is sent.
  const reference = derivedUuid(`mandate/${user}/${key}`).replaceAll('-', '').slice(0, 30)
  const answer = await bank.mandates.linkMandate(
    { reference, iban, holder, currency: deps.rules.currency },
    AbortSignal.timeout(MANDATE_DEADLINE_MS),
  )
  if (answer.kind === 'unavailable') return { kind: 'unavailable' }
  if (answer.kind === 'refused') return { kind: 'refused', reason: answer.reason }
  return {
    kind: 'granted',
    source: {
      id: deps.ids.make('src'),
      user_id: user,
      type: 'bank',
      rail: bank.id,
      bank: bank.id,
      account: iban,
      holder,
      currency: deps.rules.currency,
      label: `${bank.name} ${ibanLabel(iban)}`,
      status: answer.kind === 'active' ? 'active' : 'requires_action',
      mandate_id: answer.mandateId,
      mandate_signed_on: answer.kind === 'active' ? answer.signedOn : null,
      created_at: new Date(deps.clock.now()),
    },
  }
}

async function decideLink(
  deps: PaymentDeps,
  user: string,
  signed: Signed,
  mandate: Exclude<Mandate, { kind: 'unavailable' }>,
): Promise<Decision> {
  if (mandate.kind === 'refused') {
    return {
      kind: 'refusal',
      refusal: refuse('source_not_usable', `The bank refused: ${mandate.reason}`, { param: 'account' }),
    }
  }
  const { source } = mandate
  const linked = (await deps.store.sourcesOf(user)).find(
    (row) => row.bank === source.bank && row.account === source.account && row.status !== 'revoked',
  )
  if (linked !== undefined) return { kind: 'reply', body: sourceView(linked), jti: signed.jti }
  return {
    kind: 'unit',
    unit: {
      ...(signed.jti === null ? {} : { jti: signed.jti }),
      ok: {
        source: { ...source, created_at: timestamp(source.created_at.getTime()) },
        events: [{ id: deps.ids.make('evt'), feed: user, name: 'source.updated', body: sourceView(source) }],
      },
    },
    body: sourceView(source),
  }
}
