import type { CommandAnswer, CommandBody, BalanceView } from '../../contract/index.ts'
import { minor } from '../../domain/money.ts'
import { CHART } from '../../domain/accounting/index.ts'
import { refuse, type Refusal } from '../../domain/refusal.ts'
import { err, ok, type Result } from '../../domain/result.ts'
import type { Query } from '../../ledger/index.ts'
import type { PaymentDeps } from '../deps.ts'
import type { RailEntry } from '../rail-book.ts'
import { paymentView, sourceView } from '../view.ts'
import { payerFee } from './accept.ts'
import { resolveSource } from './authorise.ts'
import { LINKED_MAX } from './linking.ts'

/** A phone's questions. Whatever is not this user's answers as if it did not exist. */

const DEFAULT_LIST = 20
/** Of the accounts that a user has unlinked, the last so many are in the list. */
const REVOKED_SHOWN = 10

export async function getPayment(deps: PaymentDeps, user: string, id: string): Promise<Result<unknown, Refusal>> {
  const row = await deps.store.payment(id)
  if (row?.payer === user) return ok(paymentView(row, 'payer'))
  if (row?.payee === user) return ok(paymentView(row, 'payee'))
  return err(refuse('not_found', 'There is no such payment of yours.', { param: 'payment' }))
}

export async function listPayments(
  deps: PaymentDeps,
  user: string,
  body: CommandBody<'payment.list'>,
): Promise<Result<CommandAnswer<'payment.list'>, Refusal>> {
  const limit = body.limit ?? DEFAULT_LIST
  const rows = await deps.store.ofUser(user, limit, body.starting_after ?? null, body.status ?? null)
  const data = rows.slice(0, limit).map((row) => paymentView(row, row.payer === user ? 'payer' : 'payee'))
  return ok({ data, has_more: rows.length > limit })
}

/** What a payment would cost and need; nothing is held. */
export async function quote(
  deps: PaymentDeps,
  user: string,
  body: CommandBody<'quote'>,
): Promise<Result<CommandAnswer<'quote'>, Refusal>> {
  const source = await resolveSource(deps, user, body.source, { kind: body.kind, captureMethod: 'automatic' })
  if (!source.ok) return source
  const amountMinor = minor(body.amount)
  const { feeMinor } = await payerFee(deps, body.kind, amountMinor)
  const totalMinor = amountMinor + feeMinor
  return ok({
    payer_fee: feeMinor.toString(),
    total: totalMinor.toString(),
    pin_required: totalMinor > deps.rules.pinAboveMinor,
    limits_ok: await deps.spending.fits({ user, kind: body.kind, totalMinor }, deps.clock.now()),
  })
}

/** One line a currency the user has a wallet in, and always the service's own. */
export async function balancesOf(sql: Query, user: string, currency: string): Promise<BalanceView[]> {
  const rows = await sql<{ currency: string; available: bigint; pending: bigint }[]>`
    select l.currency, a.credits_posted - a.debits_posted - a.debits_pending as available, a.credits_pending as pending
    from accounts a
    join ledgers l on l.id = a.ledger
    where a.owner = ${user} and a.code = ${CHART.wallet.code}
    order by l.currency`
  const lines = rows.map((row) => ({
    currency: row.currency,
    available: row.available.toString(),
    pending: row.pending.toString(),
  }))
  return lines.some((line) => line.currency === currency)
    ? lines
    : [...lines, { currency, available: '0', pending: '0' }]
}

/** Hubs that link at the same moment may go past the bound by a few: nothing that is linked is left out. */
export async function listSources(
  deps: PaymentDeps,
  user: string,
): Promise<Result<CommandAnswer<'source.list'>, Refusal>> {
  const rows = await deps.store.sourcesOf(user, { linked: 2 * LINKED_MAX, revoked: REVOKED_SHOWN })
  return ok({ data: rows.map(sourceView) })
}

export function sourceOptions(deps: PaymentDeps): CommandAnswer<'source.options'> {
  const { entries } = deps.rails
  const kinds = ({ serves }: RailEntry) => serves.filter((kind) => kind !== 'bank')
  return {
    banks: entries.filter(({ serves }) => serves.includes('bank')).map(({ id, name }) => ({ id, name })),
    operators: entries
      .filter((entry) => kinds(entry).length > 0)
      .map((entry) => ({ id: entry.id, name: entry.name, kinds: kinds(entry) })),
  }
}

/** What the user may spend and has spent or holds, in the periods of this moment. */
export async function limitList(
  deps: PaymentDeps,
  user: string,
): Promise<Result<CommandAnswer<'limit.list'>, Refusal>> {
  return ok({ data: await deps.spending.list(user, deps.clock.now()) })
}
