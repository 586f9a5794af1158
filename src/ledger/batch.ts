import { hash as digest } from 'node:crypto'
import { type RowOf, assertWritten } from './columns.ts'
import type { Branch, EventInput, TransferInput, Unit } from './unit.ts'

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

/** @throws TypeError where a transfer is named twice: of one id one thing happens, and a leg up to a total counts once. */
export function prepareUnit(unit: Unit): PreparedUnit {
  assertNamedOnce(unit)
  const ok = isEmpty(unit.ok) ? null : prepareBranch(unit.ok)
  const refused = unit.refused === undefined ? null : prepareBranch(unit.refused)
  // In lines, which JSON never breaks: what the branches say has been made text already.
  const asked = JSON.stringify({ ...unit, ok: undefined, refused: undefined })
  const text = `${asked}\n${ok?.text ?? ''}\n${refused?.text ?? ''}`
  return { unit, hash: digest('sha256', text, 'base64url'), ok, refused }
}

function assertNamedOnce({ id, transfers }: Unit): void {
  if (transfers === undefined || transfers.length < 2) return
  const seen = new Set<string>()
  for (const transfer of transfers) {
    if (seen.has(transfer.id)) throw new TypeError(`unit ${id} names transfer ${transfer.id} twice`)
    seen.add(transfer.id)
  }
}

const ROWS: readonly RowOf[] = [
  'payment',
  'new_payment',
  'attempt',
  'new_attempt',
  'refund',
  'return',
  'evidence',
  'source',
  'source_change',
  'device_change',
  'pin',
  'code',
]

function prepareBranch(branch: Branch): PreparedBranch {
  const texts: Record<string, string> = {}
  const columns: string[] = []
  for (const name of ROWS) {
    const value = branch[name]
    if (value === undefined) continue
    assertWritten(name, value)
    columns.push(`"${name}":${(texts[name] = JSON.stringify(value))}`)
  }
  const bodies = textsOf(branch.events ?? [])
  if (branch.events !== undefined) {
    const events = branch.events.map((event, i) => {
      const body = bodies[i] === bodies[i - 1] ? '' : (bodies[i] ?? '')
      return JSON.stringify({ ...event, body: undefined }) + body
    })
    texts['events'] = events.join(' ')
  }
  const reply = branch.reply === undefined ? null : (texts['reply'] = JSON.stringify(branch.reply))
  const replies = Object.entries(branch.replies ?? {}).map(([reason, each]): [string, string] => [
    reason,
    JSON.stringify(each),
  ])
  return { branch, text: json(branch, texts), columns, bodies, reply, replies }
}

/** A body that two feeds share is made text once. */
function textsOf(events: readonly EventInput[]): (string | null)[] {
  const known = new Map<object, string>()
  return events.map((event) => {
    if (!('body' in event)) return null
    const text = known.get(event.body) ?? JSON.stringify(event.body)
    known.set(event.body, text)
    return text
  })
}

/** An object as text, for a hash: of its members those named in `known` have been made text already. */
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

/** Values of a column of an array literal (PostgreSQL, 8.15.2). Text that a caller chose is `quoted` first. */
type Cells = (string | number | boolean)[]

const NULL = 'NULL'
const cells = (): Cells => []

export function batchArguments(batch: readonly PreparedUnit[]) {
  const units = new Ordinals()
  const accounts = new Ordinals()
  /** Accounts whose flags change: all their rows are locked. */
  const flagged = cells()
  const transfers = new Ordinals()
  const payments = new Ordinals()
  const attempts = new Ordinals()
  const keys = new Ordinals()
  const taken = new Ordinals()
  const feeds = new Ordinals()
  const [attemptPayment, attemptNo, keyScope, key] = [cells(), cells(), cells(), cells()]
  const leg = {
    unit: cells(),
    transfer: cells(),
    ledger: cells(),
    kind: cells(),
    debit: cells(),
    credit: cells(),
    amount: cells(),
    pending: cells(),
    upTo: cells(),
    expiresAt: cells(),
    subject: cells(),
  }
  const event = {
    id: cells(),
    feed: cells(),
    name: cells(),
    account: cells(),
    currency: cells(),
    body: cells(),
  }
  const bodies: string[] = []
  const shape = { unit: cells(), hash: cells(), first: cells(), last: cells() }

  function attemptOf(payment: string, no: number): number {
    const n = attempts.of(`${payment} ${String(no)}`)
    attemptPayment[n - 1] = quoted(payment)
    attemptNo[n - 1] = no
    return n
  }

  function addLeg(unit: number, t: TransferInput): void {
    leg.unit.push(unit)
    leg.transfer.push(transfers.of(t.id))
    leg.ledger.push(t.ledger)
    leg.kind.push(t.kind)
    leg.amount.push(t.amount ?? NULL)
    leg.upTo.push(t.up_to === true)
    leg.expiresAt.push(t.expires_at ?? NULL)
    leg.subject.push(quoted(t.subject))
    if ('pending' in t) {
      // `expire` is decided under its payment's lock.
      if (t.kind === 'expire') payments.of(t.subject)
      leg.debit.push(NULL)
      leg.credit.push(NULL)
      leg.pending.push(transfers.of(t.pending))
    } else {
      leg.debit.push(accounts.of(t.debit))
      leg.credit.push(accounts.of(t.credit))
      leg.pending.push(NULL)
    }
  }

  /** The branch as JSON, with its events taken out into columns ([first, last] stands for them) and replies into bodies. */
  function branch(prepared: PreparedBranch): string {
    const members = [...prepared.columns]
    if (prepared.branch.events !== undefined) {
      const first = event.id.length + 1
      let [last, ordinal]: [string | null | undefined, number] = [null, 0]
      prepared.branch.events.forEach((each, i) => {
        const balance = 'balance' in each ? each.balance : null
        const body = prepared.bodies[i]
        // Shared with the event before it, it goes once.
        if (typeof body === 'string' && body !== last) ordinal = bodies.push(body)
        last = body
        event.id.push(quoted(each.id))
        event.feed.push(feeds.of(each.feed))
        event.name.push(each.name)
        event.account.push(balance === null ? NULL : accounts.of(balance.account))
        event.currency.push(balance === null ? NULL : balance.currency)
        event.body.push(typeof body === 'string' ? ordinal : NULL)
      })
      members.push(`"events":[${String(first)},${String(event.id.length)}]`)
    }
    if (prepared.reply !== null) members.push(`"reply":${String(bodies.push(prepared.reply))}`)
    if (prepared.replies.length > 0) {
      const replies = prepared.replies.map(([reason, reply]) => `"${reason}":${String(bodies.push(reply))}`)
      members.push(`"replies":{${replies.join(',')}}`)
    }
    return `{${members.join(',')}}`
  }

  /** What a unit asks and writes beside its transfers, as JSON; empty where that is nothing. */
  function rest({ unit, ok, refused }: PreparedUnit): string {
    const members: string[] = []
    const add = (name: string, value: unknown): void => void members.push(`"${name}":${JSON.stringify(value)}`)
    if (ok !== null) members.push(`"ok":${branch(ok)}`)
    if (refused !== null) members.push(`"refused":${branch(refused)}`)
    if (unit.total !== undefined) add('total', unit.total)
    if (unit.flags !== undefined) {
      const flags = unit.flags.map((flag) => ({ a: accounts.of(flag.account), set: flag.set }))
      flagged.push(...flags.map(({ a }) => a))
      add('flags', flags)
    }
    if (unit.key !== undefined) {
      const k = keys.of(`${unit.key.scope} ${unit.key.key}`)
      keyScope[k - 1] = quoted(unit.key.scope)
      key[k - 1] = quoted(unit.key.key)
      add('key', { k, hash: unit.key.hash, complete: unit.key.complete })
    }
    const names: number[] = []
    const take = (name: string): number => {
      const t = taken.of(name)
      names.push(t)
      return t
    }
    if (unit.jti !== undefined) add('jti', { ...unit.jti, t: take(`jti ${unit.jti.device} ${unit.jti.jti}`) })
    const { new_payment: payment, new_attempt: attempt, source } = unit.ok
    if (payment !== undefined) {
      add('new_m', payments.of(named(payment, 'id')))
      if (typeof payment.order_ref === 'string') {
        add('order_t', take(`order ${named(payment, 'merchant')} ${payment.order_ref}`))
      }
    }
    if (attempt !== undefined) add('new_s', attemptOf(named(attempt, 'payment'), Number(attempt.no)))
    if (source !== undefined) {
      add('source_t', take(`source ${named(source, 'user_id')} ${named(source, 'bank')} ${named(source, 'account')}`))
    }
    const linked = unit.guard?.source
    if (linked !== undefined) add('change_t', take(`linked ${linked.id}`))
    const guarded = unit.guard?.code
    if (guarded !== undefined) add('code_t', take(`code ${guarded.device}`))
    const { code } = unit.ok
    if (code !== undefined) add('number_t', take(`code number ${named(code, 'number')}`))
    const guard = unit.guard
    // The names that the functions of 0016_trust.sql know too.
    if (guard?.device !== undefined) add('device_t', take(`device ${guard.device.id}`))
    if (guard?.pin !== undefined) add('pin_t', take(`pin ${guard.pin.user}`))
    if (names.length > 0) add('taken', names)
    if (guard !== undefined) {
      add('guard', {
        ...(guard.payment === undefined ? {} : { payment: { ...guard.payment, m: payments.of(guard.payment.id) } }),
        ...(guard.attempt === undefined
          ? {}
          : { attempt: { ...guard.attempt, s: attemptOf(guard.attempt.payment, guard.attempt.no) } }),
        ...(guard.source === undefined ? {} : { source: guard.source }),
        ...(guard.device === undefined ? {} : { device: guard.device }),
        ...(guard.pin === undefined ? {} : { pin: guard.pin }),
        ...(guard.code === undefined ? {} : { code: guard.code }),
      })
    }
    return members.length === 0 ? '' : `{${members.join(',')}}`
  }

  const lines = batch.map((prepared) => {
    const u = units.of(prepared.unit.id)
    shape.unit.push(u)
    shape.hash.push(prepared.hash)
    shape.first.push(leg.unit.length + 1)
    for (const transfer of prepared.unit.transfers ?? []) addLeg(u, transfer)
    shape.last.push(leg.unit.length)
    return rest(prepared)
  })

  return {
    unitIds: literal(units.names),
    units: literal(shape.unit),
    unitHash: literal(shape.hash),
    unitFirst: literal(shape.first),
    unitLast: literal(shape.last),
    unitRest: lines.join('\n'),
    accounts: literal(accounts.names),
    flagged: column(flagged),
    transfers: column(transfers.names),
    legUnit: column(leg.unit),
    legTransfer: column(leg.transfer),
    legLedger: column(leg.ledger),
    legKind: column(leg.kind),
    legDebit: column(leg.debit),
    legCredit: column(leg.credit),
    legAmount: column(leg.amount),
    legPending: column(leg.pending),
    legUpTo: column(leg.upTo),
    legExpiresAt: column(leg.expiresAt),
    legSubject: column(leg.subject),
    payments: column(payments.names.map(quoted)),
    attemptPayment: column(attemptPayment),
    attemptNo: column(attemptNo),
    keyScope: column(keyScope),
    key: column(key),
    taken: column(taken.names.map(quoted)),
    feeds: column(feeds.names.map(quoted)),
    eventId: column(event.id),
    eventFeed: column(event.feed),
    eventName: column(event.name),
    eventAccount: column(event.account),
    eventCurrency: column(event.currency),
    eventBody: column(event.body),
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
function column(values: Cells): string | null {
  return values.length === 0 ? null : literal(values)
}

function literal(values: Cells): string {
  return `{${values.join(',')}}`
}

const SPECIAL = /["\\]/g

function quoted(given: string): string {
  return `"${given.replace(SPECIAL, '\\$&')}"`
}
