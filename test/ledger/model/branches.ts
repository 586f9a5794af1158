import type { Branch, StoredReply, Unit, UnitResult } from '../../../src/ledger/index.ts'
import type { Books } from './books.ts'

/** What a unit asks of the world before anything moves, and what is written beside its transfers, as its contract states it. */

const AT_A_RAIL = new Set(['prepared', 'dispatched', 'pending', 'unknown'])

/** Whether an attempt for this payment is not final. */
export function railKnows(books: Books, payment: string): boolean {
  const attempt = books.attempts.get(payment)
  return attempt !== undefined && AT_A_RAIL.has(attempt.state)
}

/** The answer to a unit that may not even be tried; nothing of it is remembered. */
export function askedInVain(books: Books, unit: Unit, nowMs: number): UnitResult | undefined {
  const known = unit.key === undefined ? undefined : books.keys.get(nameOf(unit.key))
  if (known !== undefined) {
    return known.hash === unit.key?.hash ? { code: 'replayed', reply: known.reply } : { code: 'key_reused' }
  }
  const { payment, attempt } = unit.guard ?? {}
  if (payment !== undefined) {
    const stands = books.payments.get(payment.id)
    const isLate = payment.unexpired === true && (stands?.expiresAtMs ?? Infinity) <= nowMs
    if (stands?.version !== payment.version || isLate) return { code: 'guard_failed' }
  }
  if (attempt !== undefined) {
    const stands = books.attempts.get(attempt.payment)
    if (stands === undefined || !attempt.states.includes(stands.state)) return { code: 'guard_failed' }
    if (attempt.token !== undefined && attempt.token !== stands.token) return { code: 'guard_failed' }
  }
  const born = unit.ok.new_payment
  return born !== undefined && books.payments.has(textOf(born['id'])) ? { code: 'conflict' } : undefined
}

/** Writes the branch of what became of the transfers. */
export function writeBranch(books: Books, unit: Unit, result: UnitResult): void {
  const branch: Branch | undefined = result.code === 'ok' ? unit.ok : unit.refused
  if (branch === undefined) return
  const { payment, attempt } = unit.guard ?? {}
  const { new_payment: born, new_attempt: tried } = branch
  if (born !== undefined) {
    const expiresAtMs = born['expires_at'] === undefined ? undefined : Date.parse(textOf(born['expires_at']))
    books.payments.set(textOf(born['id']), { version: Number(born['version']), expiresAtMs })
  }
  if (tried !== undefined) {
    const [state, token] = [textOf(tried['state']), textOf(tried['dispatch_token'])]
    books.attempts.set(textOf(tried['payment']), { state, token })
  }
  const [moved, went] = [books.payments.get(payment?.id ?? ''), books.attempts.get(attempt?.payment ?? '')]
  if (branch.payment !== undefined && moved !== undefined && payment !== undefined) {
    books.payments.set(payment.id, { ...moved, version: Number(branch.payment['version']) })
  }
  if (branch.attempt !== undefined && went !== undefined && attempt !== undefined) {
    books.attempts.set(attempt.payment, { ...went, state: textOf(branch.attempt['state']) })
  }
  const reply = replyOf(branch, result)
  if (unit.key !== undefined && reply !== undefined) books.keys.set(nameOf(unit.key), { hash: unit.key.hash, reply })
  books.events.push(...(branch.events ?? []).map(({ id }) => id))
}

/** A refusal may have a reply of its own. */
function replyOf(branch: Branch, result: UnitResult): StoredReply | undefined {
  return (result.code === 'refused' ? branch.replies?.[result.transfer] : undefined) ?? branch.reply
}

function nameOf({ scope, key }: { scope: string; key: string }): string {
  return `${scope} ${key}`
}

function textOf(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('a column of text')
  return value
}
