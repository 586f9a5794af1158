import { COMMANDS, type CommandBody, isStoredRefusal } from '../../contract/index.ts'
import { refusalReply } from '../../bus/index.ts'
import { timestamp } from '../../domain/clock.ts'
import { ibanLabel, normaliseIban } from '../../domain/iban.ts'
import { Places } from '../../domain/places.ts'
import { refuse, type Refusal } from '../../domain/refusal.ts'
import type { Principal } from '../../identity/index.ts'
import { derivedUuid } from '../../ledger/index.ts'
import { aboutMandate } from '../about.ts'
import type { PaymentDeps } from '../deps.ts'
import { mandateGapMs, sourceEvent } from '../mandates.ts'
import type { SourceRow } from '../rows.ts'
import { sourceView } from '../view.ts'
import { checkAction } from './action.ts'
import type { Signed } from './authorise.ts'
import { tooManyLinked } from './linking.ts'
import {
  type Decision,
  type OpenedChange,
  type Respond,
  decideAndApply,
  guarded,
  openChange,
  restricted,
  stillSpeaks,
} from './pipeline.ts'

/**
 * `source.link`: the enrolled number's mobile money account, or a mandate at the bank for one of its accounts. The
 * latter speaks to the bank before it has anything to commit, so its key is leased first: the same command
 * meanwhile is `in_flight`, and after a crash the next try takes the lease over and asks the bank under the same
 * reference. What the bank has not decided is asked about by a workflow of its own (mandates.ts).
 */

const MANDATE_DEADLINE_MS = 8_000
/** Longer than the deadline: past it the asker is taken for dead. */
const LEASE_MS = 12_000

/** Links that wait for their bank at once: a bank that does not answer holds these, and not the hub. */
const ASKING_OF_USER = 4
const ASKING_OF_BANK = 100

const NAME = 'source.link'

type Body = CommandBody<typeof NAME>
type BankBody = Extract<Body, { type: 'bank' }>
type MobileMoneyBody = Extract<Body, { type: 'mobile_money' }>

export function linkSource(deps: PaymentDeps): Respond {
  const asking = { ofUser: new Places(ASKING_OF_USER), ofBank: new Places(ASKING_OF_BANK) }
  return guarded(deps, async (request) => {
    const opened = await openChange(deps, NAME, COMMANDS[NAME].body, request)
    if (!opened.ok) return { reply: opened.error }
    const { changer, hash, command } = opened.value
    const { principal, body, key } = command
    if (body.type === 'bank') {
      const speaks = () => stillSpeaks(deps, request)
      return linkBank(deps, asking, speaks, { changer, hash, command: { ...command, body, key } })
    }
    return decideAndApply(deps, changer, hash, () => decideMobileMoney(deps, principal, body))
  })
}

async function linkBank(
  deps: PaymentDeps,
  asking: Record<'ofUser' | 'ofBank', Places>,
  speaks: () => Promise<Refusal | null>,
  opened: OpenedChange<BankBody>,
): ReturnType<Respond> {
  const { changer, hash } = opened
  const { principal, body } = opened.command
  const refused = (refusal: Refusal) => ({ reply: refusalReply(refusal, changer.requestId) })
  const iban = normaliseIban(body.account)
  if (iban === null) {
    return refused(
      refuse('invalid_request', 'The account must be an IBAN with right check digits.', { param: 'account' }),
    )
  }
  if (principal.deviceStatus === 'restricted') return refused(restricted())

  const signed = await checkAction(deps, principal, NAME, body, () =>
    deps.rails.get(body.bank)?.mandates === undefined
      ? refuse('not_found', 'There is no such bank; see source.options.', { param: 'bank' })
      : null,
  )
  if (!signed.ok) {
    return decideAndApply(deps, changer, hash, () => Promise.resolve({ kind: 'refusal', refusal: signed.error }))
  }
  const full = await tooManyLinked(deps, principal.user, { type: 'bank', bank: body.bank, account: iban })
  if (full !== null) {
    return decideAndApply(deps, changer, hash, () => Promise.resolve({ kind: 'refusal', refusal: full }))
  }
  if (!(await takeLease(deps, changer.scope, changer.key, hash))) {
    return refused(
      refuse('in_flight', 'The account is being linked; ask again with the same key.', { retryAfterMs: 500 }),
    )
  }
  const userDone = asking.ofUser.take(principal.user)
  const bankDone = userDone === null ? null : asking.ofBank.take(body.bank)
  const answerInTurn = async () => {
    if (userDone === null) return refused(tooManyAtOnce())
    if (bankDone === null) return refused(bankAway())
    return askBank(deps, speaks, opened, { iban, signed: signed.value })
  }
  try {
    const answer = await answerInTurn()
    // What is not stored leaves the key free: the next try need not wait for the lease to run out.
    if (!answer.reply.ok && !isStoredRefusal(answer.reply.error.code)) await endLease(deps, changer.scope, changer.key)
    return answer
  } finally {
    bankDone?.()
    userDone?.()
  }
}

async function askBank(
  deps: PaymentDeps,
  speaks: () => Promise<Refusal | null>,
  { changer, hash, command }: OpenedChange<BankBody>,
  { iban, signed }: { iban: string; signed: Signed },
): ReturnType<Respond> {
  const { principal, body, key } = command
  const mandate = await requestMandate(deps, principal.user, key, { bank: body.bank, iban })
  if (mandate.kind === 'unavailable') return { reply: refusalReply(bankAway(), changer.requestId) }
  const decide = async (): Promise<Decision> => {
    // The bank may have taken its time, and the device may have been shut out meanwhile.
    const refusal = await speaks()
    return refusal === null ? decideLink(deps, signed, mandate) : { kind: 'refusal', refusal }
  }
  return decideAndApply(deps, changer, hash, decide, { complete: true })
}

const tooManyAtOnce = () =>
  refuse('rate_limited', 'The bank is still asked about others; try again with the same key.', { retryAfterMs: 1_000 })
const bankAway = () =>
  refuse('rail_unavailable', 'The bank does not answer; try again with the same key.', { retryAfterMs: 2_000 })

/** Whose number it is the operator has proved at sign-up: it is active at once. */
async function decideMobileMoney(deps: PaymentDeps, principal: Principal, body: MobileMoneyBody): Promise<Decision> {
  if (principal.deviceStatus === 'restricted') return { kind: 'refusal', refusal: restricted() }
  const entry = deps.rails.get(body.operator)
  const serves = entry?.serves.includes('mobile_money') === true ? entry : null
  const signed = await checkAction(deps, principal, NAME, body, () =>
    serves === null
      ? refuse('not_found', 'There is no such operator of mobile money; see source.options.', { param: 'operator' })
      : null,
  )
  if (!signed.ok) return { kind: 'refusal', refusal: signed.error }
  const [row] = await deps.sql<{ phone: string }[]>`select phone from users where id = ${principal.user}`
  if (serves === null || row === undefined) throw new Error('a user without a number')
  const source: SourceRow = {
    id: deps.ids.make('src'),
    user_id: principal.user,
    type: 'mobile_money',
    rail: serves.id,
    bank: serves.id,
    account: row.phone,
    holder: null,
    currency: deps.rules.currency,
    label: `${serves.name} ··${row.phone.slice(-4)}`,
    status: 'active',
    mandate_id: null,
    mandate_signed_on: null,
    mandate_reference: null,
    inquiries: null,
    next_look_at: null,
    created_at: new Date(deps.clock.now()),
  }
  const full = await tooManyLinked(deps, principal.user, source)
  if (full !== null) return { kind: 'refusal', refusal: full }
  return decideLink(deps, signed.value, { kind: 'granted', source })
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
  const now = deps.clock.now()
  const active = answer.kind === 'active'
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
      status: active ? 'active' : 'requires_action',
      mandate_id: answer.mandateId,
      mandate_signed_on: active ? answer.signedOn : null,
      mandate_reference: reference,
      inquiries: 0,
      next_look_at: active ? null : new Date(now + mandateGapMs(0, 0)),
      created_at: new Date(now),
    },
  }
}

async function decideLink(
  deps: PaymentDeps,
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
  const linked = await deps.store.linkedSource(source.user_id, source.bank, source.account)
  if (linked !== null) return { kind: 'reply', body: sourceView(linked), jti: signed.jti }
  return {
    kind: 'unit',
    unit: {
      ...(signed.jti === null ? {} : { jti: signed.jti }),
      ok: {
        source: {
          ...source,
          next_look_at: source.next_look_at === null ? null : timestamp(source.next_look_at.getTime()),
          created_at: timestamp(source.created_at.getTime()),
        },
        events: [sourceEvent(source, deps.ids)],
      },
    },
    body: sourceView(source),
    ...(source.status === 'requires_action'
      ? { after: () => deps.start(source.id, aboutMandate(source.rail, source.user_id)) }
      : {}),
  }
}
