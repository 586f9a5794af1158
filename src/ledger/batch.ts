import { hash as digest } from 'node:crypto'
import { type RowOf, assertWritten } from './columns.ts'
import type { Branch, TransferInput, Unit } from './unit.ts'

/**
 * A batch of units as the arguments of the function `apply_units`: rows that several units name
 * are given once and referred to by ordinal (from 1), columns travel as array literals. Parsing
 * these costs Postgres a tenth of what JSON does. What is JSON all the same goes as lines.
 */

/** A unit made ready once, however often it is sent. */
export type PreparedUnit = { unit: Unit; hash: string; ok: PreparedBranch | null; refused: PreparedBranch | null }

/** What a branch writes, as JSON text: made once, for the hash and for every call. */
type PreparedBranch = {
  branch: Branch
  /** The whole of it. */
  text: string
  /** Its changes of rows, as members of an object. */
  columns: string[]
  /** Of its events, in order; null where the database fills it in. */
  bodies: (string | null)[]
  reply: string | null
  replies: [reason: string, reply: string][]
}

export function prepareUnit(unit: Unit): PreparedUnit {
  const ok = isEmpty(unit.ok) ? null : prepareBranch(unit.ok)
  const refused = unit.refused === undefined ? null : prepareBranch(unit.refused)
  const text = json(unit, {
    ...(ok === null ? {} : { ok: ok.text }),
    ...(refused === null ? {} : { refused: refused.text }),
  })
  return { unit, hash: digest('sha256', text, 'base64url'), ok, refused }
}

const ROWS: readonly RowOf[] = ['payment', 'new_payment', 'attempt', 'new_attempt', 'source']

function prepareBranch(branch: Branch): PreparedBranch {
  const texts: Record<string, string> = {}
  const columns: string[] = []
  for (const name of ROWS) {
    const value = branch[name]
    if (value === undefined) continue
    assertWritten(name, value)
    columns.push(`"${name}":${(texts[name] = JSON.stringify(value))}`)
  }
  const bodies = (branch.events ?? []).map((event) => ('body' in event ? JSON.stringify(event.body) : null))
  if (branch.events !== undefined) {
    const events = branch.events.map((event, i) =>
      json(event, typeof bodies[i] === 'string' ? { body: bodies[i] } : {}),
    )
    texts['events'] = `[${events.join(',')}]`
  }
  const reply = branch.reply === undefined ? null : (texts['reply'] = JSON.stringify(branch.reply))
  const replies = Object.entries(branch.replies ?? {}).map(([reason, each]): [string, string] => [
    reason,
    JSON.stringify(each),
  ])
  return { branch, text: json(branch, texts), columns, bodies, reply, replies }
}

/** What JSON.stringify makes of an object whose members named in `known` have been made text already. */
function json(object: Readonly<Record<string, unknown>>, known: Readonly<Record<string, string>>): string {
  const members: string[] = []
  for (const [name, value] of Object.entries(object)) {
    if (value !== undefined) members.push(`"${name}":${known[name] ?? JSON.stringify(value)}`)
  }
  return `{${members.join(',')}}`
}

/** Distinct names in the order they came. */
class Ordinals {
  readonly names: string[] = []
  readonly #known = new Map<string, number>()
  of(name: string): number {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    this.names.push(name)
    this.#known.set(name, this.names.length)
    return this.names.length
  }
}

type Cell = string | number | boolean | null | undefined

export function batchArguments(batch: readonly PreparedUnit[]) {
  const units = new Ordinals()
  const accounts = new Ordinals()
  const transfers = new Ordinals()
  const payments = new Ordinals()
  const attempts = new Ordinals()
  const keys = new Ordinals()
  const taken = new Ordinals()
  const feeds = new Ordinals()
  const attemptRows: { payment: string; no: number }[] = []
  const keyRows: { scope: string; key: string }[] = []
  const legs: {
    unit: number
    t: TransferInput
    transfer: number
    debit: number | null
    credit: number | null
    pending: number | null
  }[] = []
  const events: {
    id: string
    feed: number
    name: string
    account: number | null
    currency: string | null
    body: number | null
  }[] = []
  const bodies: string[] = []
  const shapes: { u: number; hash: string; lo: number; hi: number }[] = []

  function attemptOf(payment: string, no: number): number {
    const n = attempts.of(`${payment} ${String(no)}`)
    attemptRows[n - 1] = { payment, no }
    return n
  }

  function leg(unit: number, t: TransferInput): void {
    const transfer = transfers.of(t.id)
    if ('pending' in t) {
      // `expire` is decided under its payment's lock.
      if (t.kind === 'expire') payments.of(t.subject)
      legs.push({ unit, t, transfer, debit: null, credit: null, pending: transfers.of(t.pending) })
    } else {
      legs.push({ unit, t, transfer, debit: accounts.of(t.debit), credit: accounts.of(t.credit), pending: null })
    }
  }

  /** The branch as JSON, with its events taken out into columns ([first, last] stands for them) and replies into bodies. */
  function branch(prepared: PreparedBranch): string {
    const members = [...prepared.columns]
    if (prepared.branch.events !== undefined) {
      const first = events.length + 1
      prepared.branch.events.forEach((event, i) => {
        const balance = 'balance' in event ? event.balance : null
        const body = prepared.bodies[i]
        events.push({
          id: event.id,
          feed: feeds.of(event.feed),
          name: event.name,
          account: balance === null ? null : accounts.of(balance.account),
          currency: balance === null ? null : balance.currency,
          body: typeof body === 'string' ? bodies.push(body) : null,
        })
      })
      members.push(`"events":[${String(first)},${String(events.length)}]`)
    }
    if (prepared.reply !== null) members.push(`"reply":${String(bodies.push(prepared.reply))}`)
    if (prepared.replies.length > 0) {
      const replies = prepared.replies.map(([reason, reply]) => `"${reason}":${String(bodies.push(reply))}`)
      members.push(`"replies":{${replies.join(',')}}`)
    }
    return `{${members.join(',')}}`
  }

  const rows = batch.map(({ unit, hash, ok, refused }) => {
    const u = units.of(unit.id)
    const lo = legs.length + 1
    for (const transfer of unit.transfers ?? []) leg(u, transfer)
    const hi = legs.length
    shapes.push({ u, hash, lo, hi })
    const row: Record<string, unknown> = {}
    const branches: Record<string, string> = {}
    if (ok !== null) row['ok'] = branches['ok'] = branch(ok)
    if (refused !== null) row['refused'] = branches['refused'] = branch(refused)
    if (unit.total !== undefined) row['total'] = unit.total
    if (unit.flags !== undefined) {
      row['flags'] = unit.flags.map((flag) => ({ a: accounts.of(flag.account), set: flag.set }))
    }
    if (unit.key !== undefined) {
      const k = keys.of(`${unit.key.scope} ${unit.key.key}`)
      keyRows[k - 1] = unit.key
      row['key'] = { k, hash: unit.key.hash, complete: unit.key.complete }
    }
    const names: number[] = []
    if (unit.jti !== undefined) {
      const t = taken.of(`jti ${unit.jti.device} ${unit.jti.jti}`)
      row['jti'] = { ...unit.jti, t }
      names.push(t)
    }
    const { new_payment: payment, new_attempt: attempt, source } = unit.ok
    if (payment !== undefined) {
      row['new_m'] = payments.of(named(payment, 'id'))
      if (typeof payment.order_ref === 'string') {
        const t = taken.of(`order ${named(payment, 'merchant')} ${payment.order_ref}`)
        row['order_t'] = t
        names.push(t)
      }
    }
    if (attempt !== undefined) row['new_s'] = attemptOf(named(attempt, 'payment'), Number(attempt.no))
    if (source !== undefined) {
      const t = taken.of(`source ${named(source, 'user_id')} ${named(source, 'bank')} ${named(source, 'iban')}`)
      row['source_t'] = t
      names.push(t)
    }
    if (names.length > 0) row['taken'] = names
    const guard = unit.guard
    if (guard !== undefined) {
      row['guard'] = {
        ...(guard.payment === undefined ? {} : { payment: { ...guard.payment, m: payments.of(guard.payment.id) } }),
        ...(guard.attempt === undefined
          ? {}
          : { attempt: { ...guard.attempt, s: attemptOf(guard.attempt.payment, guard.attempt.no) } }),
      }
    }
    return isEmpty(row) ? '' : json(row, branches)
  })

  return {
    unitIds: literal(units.names),
    units: literal(shapes.map((shape) => shape.u)),
    unitHash: literal(shapes.map((shape) => shape.hash)),
    unitFirst: literal(shapes.map((shape) => shape.lo)),
    unitLast: literal(shapes.map((shape) => shape.hi)),
    unitRest: rows.join('\n'),
    accounts: literal(accounts.names),
    transfers: column(transfers.names),
    legUnit: column(legs.map((l) => l.unit)),
    legTransfer: column(legs.map((l) => l.transfer)),
    legLedger: column(legs.map((l) => l.t.ledger)),
    legKind: column(legs.map((l) => l.t.kind)),
    legDebit: column(legs.map((l) => l.debit)),
    legCredit: column(legs.map((l) => l.credit)),
    legAmount: column(legs.map((l) => l.t.amount)),
    legPending: column(legs.map((l) => l.pending)),
    legUpTo: column(legs.map((l) => l.t.up_to === true)),
    legExpiresAt: column(legs.map((l) => l.t.expires_at)),
    legSubject: column(legs.map((l) => quoted(l.t.subject))),
    payments: column(payments.names.map(quoted)),
    attemptPayment: column(attemptRows.map((row) => quoted(row.payment))),
    attemptNo: column(attemptRows.map((row) => row.no)),
    keyScope: column(keyRows.map((row) => quoted(row.scope))),
    key: column(keyRows.map((row) => quoted(row.key))),
    taken: column(taken.names.map(quoted)),
    feeds: column(feeds.names.map(quoted)),
    eventId: column(events.map((event) => quoted(event.id))),
    eventFeed: column(events.map((event) => event.feed)),
    eventName: column(events.map((event) => event.name)),
    eventAccount: column(events.map((event) => event.account)),
    eventCurrency: column(events.map((event) => event.currency)),
    eventBody: column(events.map((event) => event.body)),
    bodies: bodies.join('\n'),
  }
}

/** A column's value where only text makes sense: a name to be locked by. */
function named<Name extends string>(columns: { readonly [Column in Name]?: unknown }, name: Name): string {
  const value = columns[name]
  if (typeof value !== 'string') throw new TypeError(`column ${name} must be text`)
  return value
}

function isEmpty(object: object): boolean {
  for (const _ in object) return false
  return true
}

/** A column no unit of the batch uses is null: the function skips its table. */
function column(cells: readonly Cell[]): string | null {
  return cells.length === 0 ? null : literal(cells)
}

/** An array literal (PostgreSQL, 8.15.2). Text that a caller chose is `quoted` first. */
function literal(cells: readonly Cell[]): string {
  return `{${cells.map((cell) => (cell === null || cell === undefined ? 'NULL' : String(cell))).join(',')}}`
}

function quoted(given: string): string {
  return `"${given.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}
