import type { Query, Sql } from '../database.ts'
import { NO_HASH, type Seal, entriesOf, rowDigest, sealHash, uuidOf } from './chain.ts'
import { HISTORY_LIMITS } from './limits.ts'

/**
 * Verification walks every seal in order and makes each hash again from what the tables say now. It names what was
 * altered, taken away or put in, whoever did it and by whatever means; that somebody wrote the whole chain anew is
 * seen against a head that was kept elsewhere.
 */

/** The end of a ledger's chain: kept outside the database, it fixes everything before it. */
export type Head = { ledger: number; no: bigint; hash: string }

export type Fault = {
  /** Null: of no single ledger. */
  ledger: number | null
  what: 'altered' | 'missing' | 'inserted' | 'seal_altered' | 'seal_missing' | 'watermark' | 'other_history'
  /** Where in history. */
  position: bigint
  transfer: string | null
  seal: bigint | null
  text: string
}

export type Verification = {
  at: Date
  transfers: bigint
  seals: bigint
  /** Transfers that wait to be sealed: nothing can be said of them yet. */
  notSealed: bigint
  sealedUpTo: bigint
  heads: Head[]
  /** In order of position, the first ones. */
  faults: Fault[]
}

/** As of one moment, on a live system. */
export async function verify(sql: Sql, options: { heads?: readonly Head[] } = {}): Promise<Verification> {
  return sql.begin('isolation level repeatable read read only', async (tx) => {
    await tx`set local statement_timeout = 0`
    return verifyIn(tx, options.heads ?? [])
  })
}

/** The same within a transaction of the caller's, which sees one moment throughout. */
export async function verifyIn(tx: Query, heads: readonly Head[] = []): Promise<Verification> {
  // What is seen here was drawn before it was committed, so `drawn`, which no snapshot holds back, is not below it.
  const [size] = await tx<{ at: Date; sealedUpTo: bigint; reached: bigint | null; drawn: bigint }[]>`
    select now() as at, coalesce(s.position, (select max(last_position) from seals), 0) as "sealedUpTo",
      s.candidate as reached, case when q.is_called then q.last_value else 0 end as drawn
    from transfers_position q left join sealed s on true`
  if (size === undefined) throw new Error('the sequence of positions is gone')
  const { at, sealedUpTo, reached, drawn } = size
  const walk = new Walk(tx, sealedUpTo)
  const transfers = await walk.all()
  walk.watermark(reached, drawn)
  const notSealed = await walk.beyond(drawn)
  for (const head of heads) await walk.compare(head)
  return {
    at,
    transfers,
    seals: walk.seals,
    notSealed,
    sealedUpTo,
    heads: walk.heads(),
    faults: walk.faults
      .values()
      .toArray()
      .toSorted((a, b) => (a.position < b.position ? -1 : a.position > b.position ? 1 : 0))
      .slice(0, HISTORY_LIMITS.listed_faults),
  }
}

/** One ledger's chain, as far as it has been walked. */
type Chain = {
  page: Seal[]
  /** The seal whose transfers are being read; null past the last. */
  seal: Seal | null
  left: Map<string, string>
  before: Buffer
  /** What the hash before is by our own arithmetic, where that differs from what is stored. */
  beforeMade: Buffer
  /** The last seal read. */
  no: bigint
  last: bigint
  /** No seal can be expected to follow by its hash: the one before is missing. */
  broken: boolean
  /** A row past the last seal has been named. */
  tailNamed: boolean
  head: Head | null
}

type Row = { ledger: number; id: string; position: bigint; text: string }

class Walk {
  readonly #tx: Query
  readonly #sealedUpTo: bigint
  readonly #chains = new Map<number, Chain>()
  /** By what they are about, so that a row is named once. */
  readonly faults = new Map<string, Fault>()
  seals = 0n

  constructor(tx: Query, sealedUpTo: bigint) {
    this.#tx = tx
    this.#sealedUpTo = sealedUpTo
  }

  async all(): Promise<bigint> {
    for (const { ledger } of await this.#tx<{ ledger: number }[]>`select distinct ledger from seals order by ledger`) {
      await this.#chain(ledger)
    }
    let transfers = 0n
    // From the lowest position that a column can hold: who inserts a row chooses its position.
    for (let after: bigint | null = null; ;) {
      const page: Row[] = await this.#transfers(after)
      for (const row of page) await this.#take(row)
      transfers += BigInt(page.length)
      const last = page.at(-1)
      if (last === undefined) break
      after = last.position
    }
    for (const chain of this.#chains.values()) while (chain.seal !== null) await this.#finish(chain)
    return transfers
  }

  heads(): Head[] {
    return [...this.#chains.values()].flatMap(({ head }) => (head === null ? [] : [head]))
  }

  /** `reached`: up to where the sealer counts on positions to be drawn; null where its row is gone. */
  watermark(reached: bigint | null, drawn: bigint): void {
    if (reached !== null && reached <= drawn) return
    const text =
      reached === null
        ? 'the watermark is gone: it was deleted, and nothing is sealed any more'
        : // What is posted next would never be sealed.
          `the watermark counts on position ${String(reached)}, and the last one drawn is ${String(drawn)}: it was moved`
    this.#fault('watermark', {
      ledger: null,
      what: 'watermark',
      position: this.#sealedUpTo,
      transfer: null,
      seal: null,
      text,
    })
  }

  /** Transfers that wait to be sealed; names those at a position that nobody has drawn. */
  async beyond(drawn: bigint): Promise<bigint> {
    const sealedUpTo = this.#sealedUpTo.toString()
    const rows = await this.#tx<Row[]>`
      select ledger, id, position, '' as text from transfers
      where position > ${drawn.toString()} and position > ${sealedUpTo}
      order by position limit ${HISTORY_LIMITS.listed_faults}`
    for (const { ledger, id, position } of rows) {
      const text = `transfer ${id} at position ${String(position)} is past the last one drawn, ${String(drawn)}: it was inserted`
      this.#fault(id, { ledger, what: 'inserted', position, transfer: id, seal: null, text })
    }
    const [row] = await this.#tx<{ n: bigint }[]>`select count(*) as n from transfers where position > ${sealedUpTo}`
    return row?.n ?? 0n
  }

  /** Whether a head that was kept is still part of the chain. */
  async compare(known: Head): Promise<void> {
    const [row] = await this.#tx<{ hash: Buffer; last: bigint }[]>`
      select hash, last_position as last from seals where ledger = ${known.ledger} and no = ${known.no.toString()}`
    if (row?.hash.toString('hex') === known.hash) return
    this.#fault(`head/${String(known.no)}`, {
      ledger: known.ledger,
      what: row === undefined ? 'seal_missing' : 'other_history',
      position: row?.last ?? this.#sealedUpTo,
      transfer: null,
      seal: known.no,
      text:
        row === undefined
          ? `seal ${String(known.no)}, whose hash was kept, is missing`
          : `seal ${String(known.no)} has another hash than the one that was kept: history up to it was written anew`,
    })
  }

  /** What is beyond the watermark is not looked at. `text` is put together as seal_transfers does. */
  #transfers(after: bigint | null): Promise<Row[]> {
    const sql = this.#tx
    return sql<Row[]>`
      select t.ledger, t.id, t.position,
        concat_ws('|', t.position, t.ledger, t.id, t.kind, t.debit_account, t.credit_account, t.amount,
          coalesce(t.pending_id::text, '-'), t.unit, extract(epoch from t.at), t.subject) as text
      from transfers t
      where ${after === null ? sql`` : sql`t.position > ${after.toString()} and`} t.position <= ${this.#sealedUpTo.toString()}
      order by t.position limit ${HISTORY_LIMITS.verify_page_transfers}`
  }

  async #take(row: Row): Promise<void> {
    const chain = await this.#chain(row.ledger)
    while (chain.seal !== null && row.position > chain.seal.last) await this.#finish(chain)
    const { seal } = chain
    const id = row.id.replaceAll('-', '')
    const digest = seal === null || row.position < seal.first ? undefined : chain.left.get(id)
    if (digest === undefined) return this.#unsealed(chain, row)
    chain.left.delete(id)
    if (digest === rowDigest(row.text)) return
    this.#fault(row.id, {
      ledger: row.ledger,
      what: 'altered',
      position: row.position,
      transfer: row.id,
      seal: seal?.no ?? null,
      text: `transfer ${row.id} at position ${String(row.position)} is not what seal ${String(seal?.no)} says: it was altered`,
    })
  }

  /** A row in history that no seal knows. */
  #unsealed(chain: Chain, row: Row): void {
    const { seal } = chain
    // Explained by the seal that is missing here, which is named itself.
    if (seal !== null && chain.broken && row.position < seal.first) return
    // Past the last seal the first one says it for all: a seal was taken away, or the row put in.
    if (seal === null && chain.tailNamed) return
    if (seal === null) chain.tailNamed = true
    const no = seal?.no ?? chain.no + 1n
    const named = `transfer ${row.id} at position ${String(row.position)} is in no seal`
    this.#fault(row.id, {
      ledger: row.ledger,
      what: 'inserted',
      position: row.position,
      transfer: row.id,
      seal: no,
      text:
        seal === null
          ? `${named}, though history is sealed up to ${String(this.#sealedUpTo)}: it was inserted, or seal ${String(no)} was deleted`
          : `${named}: it was inserted`,
    })
  }

  /** Every transfer of the seal at hand has been read: what is left of its entries has no row in its place. */
  async #finish(chain: Chain): Promise<void> {
    const { seal } = chain
    if (seal === null) return
    for (const hex of chain.left.keys()) {
      const id = uuidOf(hex)
      const [now] = await this.#tx<{ ledger: number; position: bigint }[]>`
        select ledger, position from transfers where id = ${id}`
      this.#fault(id, {
        ledger: seal.ledger,
        what: now === undefined ? 'missing' : 'altered',
        position: seal.first,
        transfer: id,
        seal: seal.no,
        text:
          now === undefined
            ? `transfer ${id} of seal ${String(seal.no)} is missing: it was deleted, or its id was altered`
            : `transfer ${id} of seal ${String(seal.no)} was altered: it is now in ledger ${String(now.ledger)} at position ${String(now.position)}`,
      })
    }
    await this.#next(chain)
  }

  async #chain(ledger: number): Promise<Chain> {
    const known = this.#chains.get(ledger)
    if (known !== undefined) return known
    const chain: Chain = {
      page: [],
      seal: null,
      left: new Map(),
      before: NO_HASH,
      beforeMade: NO_HASH,
      no: 0n,
      last: 0n,
      broken: false,
      tailNamed: false,
      head: null,
    }
    this.#chains.set(ledger, chain)
    await this.#next(chain, ledger)
    return chain
  }

  /** Reads the chain's next seal and checks that it follows. */
  async #next(chain: Chain, ledger = chain.seal?.ledger ?? 0): Promise<void> {
    if (chain.page.length === 0) chain.page = await this.#sealsAfter(ledger, chain.no)
    const seal = chain.page.shift() ?? null
    chain.seal = seal
    chain.left = new Map()
    if (seal === null) return
    this.seals += 1n
    chain.left = entriesOf(seal)
    const made = sealHash(chain.before, seal)
    chain.broken = seal.no !== chain.no + 1n
    if (chain.broken) {
      const missing = chain.no + 1n
      this.#sealFault(seal, 'seal_missing', missing, chain.last + 1n, `seal ${String(missing)} is missing`)
    } else if (!made.equals(seal.hash) && !sealHash(chain.beforeMade, seal).equals(seal.hash)) {
      const text = `seal ${String(seal.no)} does not follow from the one before: it was altered`
      this.#sealFault(seal, 'seal_altered', seal.no, seal.first, text)
    }
    if (seal.first <= chain.last || seal.last > this.#sealedUpTo) {
      const text = `seal ${String(seal.no)} reaches from ${String(seal.first)} to ${String(seal.last)}, which is not between the one before and the watermark`
      this.#sealFault(seal, 'watermark', seal.no, seal.first, text)
    }
    Object.assign(chain, { before: seal.hash, beforeMade: made, no: seal.no, last: seal.last })
    chain.head = { ledger: seal.ledger, no: seal.no, hash: seal.hash.toString('hex') }
  }

  #sealsAfter(ledger: number, no: bigint): Promise<Seal[]> {
    return this.#tx<Seal[]>`
      select ledger, no, first_position as first, last_position as last, count, entries, hash,
        (extract(epoch from at - timestamptz '2000-01-01 00:00:00+00') * 1000000)::bigint as "atUs"
      from seals where ledger = ${ledger} and no > ${no.toString()}
      order by no limit ${HISTORY_LIMITS.verify_page_seals}`
  }

  #sealFault(of: Seal, what: Fault['what'], no: bigint, position: bigint, text: string): void {
    this.#fault(`seal/${String(no)}`, { ledger: of.ledger, what, position, transfer: null, seal: no, text })
  }

  /** A transfer that is elsewhere than it was is named as altered, not also as inserted there. */
  #fault(about: string, fault: Fault): void {
    const key = `${about}/${fault.transfer === null ? String(fault.ledger) : ''}`
    const known = this.faults.get(key)
    if (known === undefined || (known.what === 'inserted' && fault.what === 'altered')) this.faults.set(key, fault)
  }
}
