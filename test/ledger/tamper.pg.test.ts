import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Fault, seal } from '../../src/ledger/index.ts'
import { seedFrom } from '../support/seed.ts'
import { type SealedBooks, type Tampering, brokenIn, sealBooks, tampered } from './support/tampering.ts'

/**
 * A superuser changes history behind the triggers: `verify` names what was altered, taken away or put in, and the
 * audit what no longer adds up. Each case is on the same sealed books.
 */
const SEED = seedFrom('HISTORY_SEED')

let books: SealedBooks
beforeAll(async () => {
  books = await sealBooks(SEED)
})
afterAll(() => books.database.drop())

const brief = (faults: readonly Fault[]) => faults.map(({ what, transfer, seal: no }) => ({ what, transfer, seal: no }))

test('of what nobody touched nothing is said', async () => {
  const { faults, report, verification } = await tampered(books, () => Promise.resolve())
  expect(faults).toEqual([])
  expect(report.breaches).toEqual([])
  expect(verification.heads).toEqual(books.heads)
  expect(verification.notSealed).toBe(0n)
  // Long enough to have a middle.
  expect(books.seals.last).toBeGreaterThan(3n)
})

describe('a transfer', () => {
  /** Column by column: what it is made, and which invariants fall with it. */
  const edits: [string, (tx: Tampering, id: string) => Promise<unknown>, string[]][] = [
    ['amount', (tx, id) => tx`update transfers set amount = amount + 1 where id = ${id}`, ['L2', 'history', 'chain']],
    [
      'debit account',
      (tx, id) => tx`
        update transfers set debit_account = (select id from accounts a
          where a.name like 'wallet:user%' and a.id not in (debit_account, credit_account) order by name limit 1)
        where id = ${id}`,
      ['L2', 'history', 'chain'],
    ],
    [
      'credit account',
      (tx, id) => tx`update transfers set credit_account = ${books.cash} where id = ${id}`,
      ['L2', 'history', 'chain'],
    ],
    ['time', (tx, id) => tx`update transfers set at = at + interval '1 microsecond' where id = ${id}`, ['chain']],
    ['subject', (tx, id) => tx`update transfers set subject = 'tset' where id = ${id}`, ['chain']],
    ['unit', (tx, id) => tx`update transfers set unit = ${randomUUID()} where id = ${id}`, ['references', 'chain']],
    ['kind', (tx, id) => tx`update transfers set kind = 'reserve' where id = ${id}`, ['L2', 'L4', 'history', 'chain']],
    ['ledger', (tx, id) => tx`update transfers set ledger = ledger + 1 where id = ${id}`, ['references', 'chain']],
  ]
  test.each(edits)('whose %s was edited is named by its id and position', async (_, act, breaks) => {
    const { id, position } = books.post
    const { faults, report } = await tampered(books, (tx) => act(tx, id))
    expect(faults).toHaveLength(1)
    expect(faults[0]).toMatchObject({ what: 'altered', transfer: id })
    expect(faults[0]?.text).toContain(id)
    // Moved to another ledger it is missed where it was sealed.
    expect(faults[0]?.position).toBeLessThanOrEqual(position)
    expect(brokenIn(report)).toEqual(breaks)
  })

  test('that ended a hold, and ends another now, is named, and so are both holds', async () => {
    const { faults, report } = await tampered(
      books,
      (tx) => tx`update transfers set pending_id = ${books.hold.id} where id = ${books.confirm.id}`,
    )
    expect(brief(faults)).toMatchObject([{ what: 'altered', transfer: books.confirm.id }])
    const told = report.breaches.filter(({ invariant }) => invariant === 'L4').map(({ what }) => what)
    expect(told.some((what) => what.includes(`hold ${books.hold.id} of test: open and ended 1 times`))).toBe(true)
    expect(
      told.some((what) => what.includes(`hold ${String(books.confirm.pending)} of test: not open and ended 0`)),
    ).toBe(true)
  })

  test.each([
    ['a posting', () => books.post.id, ['L2', 'history', 'chain']],
    ['the end of a hold', () => books.confirm.id, ['L2', 'L4', 'history', 'chain']],
    ['the last one', () => books.last.id, null],
  ] as const)('that was deleted is named: %s', async (_, id, breaks) => {
    const { faults, report } = await tampered(books, (tx) => tx`delete from transfers where id = ${id()}`)
    expect(brief(faults)).toMatchObject([{ what: 'missing', transfer: id() }])
    if (breaks === null) expect(brokenIn(report)).toEqual(expect.arrayContaining(['history', 'chain']))
    else expect(brokenIn(report)).toEqual(breaks)
  })

  test.each([
    ['where a position stayed empty', () => books.free],
    ['before the first', () => -(2n ** 63n)],
    ['past the last one drawn', () => books.last.position + 1_000n],
  ])('that was put in is named: %s', async (_, position) => {
    const id = randomUUID()
    const { faults, report } = await tampered(
      books,
      (tx) => tx`
        insert into transfers (ledger, id, kind, debit_account, credit_account, amount, subject, unit, at, position)
        select ledger, ${id}, kind, debit_account, credit_account, 1, subject, unit, at, ${position().toString()}
        from transfers where id = ${books.post.id}`,
    )
    expect(faults).toHaveLength(1)
    expect(faults[0]).toMatchObject({ what: 'inserted', transfer: id, position: position() })
    expect(report.breaches.some(({ invariant }) => invariant === 'L2')).toBe(true)
  })

  test.each([
    ['with its neighbour', () => books.neighbour],
    ['with one far away', () => books.last],
  ])('that changed places is named, and so is the other: %s', async (_, chosen) => {
    const [one, other] = [books.post, chosen()]
    const { faults } = await tampered(books, async (tx) => {
      await tx`update transfers set position = -1 where id = ${one.id}`
      await tx`update transfers set position = ${one.position.toString()} where id = ${other.id}`
      await tx`update transfers set position = ${other.position.toString()} where id = ${one.id}`
    })
    const named = faults.map(({ transfer, what }) => `${what} ${String(transfer)}`)
    expect(new Set(named)).toEqual(new Set([`altered ${one.id}`, `altered ${other.id}`]))
  })

  test.each([
    ['to an empty position', () => books.free],
    ['past the watermark', () => books.last.position + 50n],
  ])('that was renumbered is named: %s', async (_, position) => {
    const { id } = books.post
    const { faults } = await tampered(
      books,
      (tx) => tx`update transfers set position = ${position().toString()} where id = ${id}`,
    )
    expect(brief(faults)).toMatchObject([{ what: 'altered', transfer: id }])
    expect(faults[0]?.text).toContain(id)
  })

  test('that was given another id is missed under the old one and unknown under the new one', async () => {
    const id = randomUUID()
    const { faults } = await tampered(books, (tx) => tx`update transfers set id = ${id} where id = ${books.post.id}`)
    expect(new Set(faults.map(({ transfer, what }) => `${what} ${String(transfer)}`))).toEqual(
      new Set([`missing ${books.post.id}`, `inserted ${id}`]),
    )
  })
})

describe('a seal', () => {
  const edits: [string, (tx: Tampering, no: string) => Promise<unknown>][] = [
    ['hash', (tx, no) => tx`update seals set hash = sha256(hash) where ledger = ${books.ledger} and no = ${no}`],
    ['time', (tx, no) => tx`update seals set at = at + interval '1 s' where ledger = ${books.ledger} and no = ${no}`],
    [
      'last digest',
      (tx, no) => tx`
        update seals set entries = set_byte(entries, length(entries) - 1, 255 - get_byte(entries, length(entries) - 1))
        where ledger = ${books.ledger} and no = ${no}`,
    ],
    [
      'reach',
      (tx, no) =>
        tx`update seals set first_position = first_position - 1 where ledger = ${books.ledger} and no = ${no}`,
    ],
  ]
  test.each(edits.flatMap(([what, act]) => [[what, 'middle', act] as const, [what, 'last', act] as const]))(
    'whose %s was edited is named: the %s one',
    async (_, which, act) => {
      const no = books.seals[which]
      const { faults } = await tampered(books, (tx) => act(tx, no.toString()))
      const named = faults.filter(({ what }) => what === 'seal_altered')
      expect(named.map((fault) => fault.seal)).toEqual([no])
    },
  )

  test.each([['first'], ['middle']] as const)('that was deleted is named: the %s one', async (which) => {
    const no = which === 'first' ? 1n : books.seals.middle
    const { faults } = await tampered(
      books,
      (tx) => tx`delete from seals where ledger = ${books.ledger} and no = ${no.toString()}`,
    )
    expect(brief(faults)).toEqual([{ what: 'seal_missing', transfer: null, seal: no }])
  })

  test('that was the last one and was deleted: the first transfer it held is named, and by a kept head the seal', async () => {
    const no = books.seals.last
    const remove = (tx: Tampering) => tx`delete from seals where ledger = ${books.ledger} and no = ${no.toString()}`
    const { faults } = await tampered(books, remove)
    expect(faults).toMatchObject([{ what: 'inserted', seal: no }])
    expect(faults[0]?.text).toContain(`or seal ${String(no)} was deleted`)
    const kept = await tampered(books, remove, { heads: books.heads })
    expect(brief(kept.faults)).toContainEqual({ what: 'seal_missing', transfer: null, seal: no })
  })

  test('all of which were deleted: the first transfer is named', async () => {
    const { faults } = await tampered(books, (tx) => tx`delete from seals`)
    expect(faults).toMatchObject([{ what: 'inserted', position: 1n }])
  })

  test('that was made anew over a transfer, digest and hash, is betrayed by the one after it', async () => {
    const { id, position } = books.post
    let no = 0n
    const { faults } = await tampered(books, async (tx) => {
      await tx`update transfers set amount = amount + 1 where id = ${id}`
      // Each with the arithmetic of 0008_history.sql.
      const [row] = await tx<{ no: bigint }[]>`
        update seals s set entries = (
          select string_agg(uuid_send(t.id) || substr(sha256(convert_to(concat_ws('|', t.position, t.ledger, t.id, t.kind,
            t.debit_account, t.credit_account, t.amount, coalesce(t.pending_id::text, '-'), t.unit,
            extract(epoch from t.at), t.subject), 'UTF8')), 1, 16), ''::bytea order by t.position)
          from transfers t where t.ledger = s.ledger and t.position between s.first_position and s.last_position)
        where s.ledger = ${books.ledger} and ${position.toString()} between s.first_position and s.last_position
        returning s.no`
      no = row?.no ?? 0n
      await tx`
        update seals s set hash = sha256(b.hash || int4send(s.ledger) || int8send(s.no) || int8send(s.first_position)
          || int8send(s.last_position) || int4send(s.count) || timestamptz_send(s.at) || s.entries)
        from seals b where b.ledger = s.ledger and b.no = s.no - 1 and s.ledger = ${books.ledger} and s.no = ${no.toString()}`
    })
    expect(brief(faults)).toEqual([{ what: 'seal_altered', transfer: null, seal: no + 1n }])
  })

  test('that was made up is named', async () => {
    const { faults } = await tampered(
      books,
      (tx) => tx`
        insert into seals select ledger, no + 1, last_position + 1, last_position + 1, 1, substr(entries, 1, 32), hash, at
        from seals where ledger = ${books.ledger} order by no desc limit 1`,
    )
    expect(faults.map(({ what, seal: no }) => `${what} ${String(no)}`)).toContain(
      `seal_altered ${String(books.seals.last + 1n)}`,
    )
  })
})

describe('the watermark', () => {
  test('that was deleted is found, and what was altered all the same', async () => {
    const { faults, verification, report } = await tampered(books, async (tx) => {
      await tx`delete from sealed`
      await tx`update transfers set amount = amount + 1 where id = ${books.post.id}`
    })
    expect(faults).toMatchObject([
      { what: 'altered', transfer: books.post.id },
      { what: 'watermark', transfer: null },
    ])
    expect(verification.sealedUpTo).toBe(books.last.position)
    expect(brokenIn(report)).toEqual(['L2', 'history', 'chain'])
  })

  const lower = (tx: Tampering) => tx`
    update sealed set position = (select last_position - 1 from seals where ledger = ${books.ledger} and no = ${books.seals.middle.toString()})`

  test('that was moved back is found, and also once the same was sealed again', async () => {
    const { faults, report } = await tampered(books, lower)
    expect(faults.some(({ what }) => what === 'watermark')).toBe(true)
    expect(report.breaches.some(({ invariant }) => invariant === 'history')).toBe(true)

    const again = await tampered(books, lower, { afterwards: (root) => seal(root) })
    expect(again.faults.some(({ what }) => what === 'watermark')).toBe(true)
    expect(again.report.breaches.some(({ invariant }) => invariant === 'history')).toBe(true)
  })

  test('that was moved ahead is found before anything is lost behind it, and so is what was lost', async () => {
    const ahead = (tx: Tampering) => tx`
      update sealed set position = position + 100, decided = decided + 100, candidate = candidate + 100`
    const { faults } = await tampered(books, ahead)
    expect(brief(faults)).toEqual([{ what: 'watermark', transfer: null, seal: null }])

    const id = randomUUID()
    const lost = await tampered(books, ahead, {
      afterwards: (root) => root`
        insert into transfers (ledger, id, kind, debit_account, credit_account, amount, subject, unit)
        select ledger, ${id}, kind, debit_account, credit_account, 1, subject, unit from transfers where id = ${books.post.id}`,
    })
    expect(lost.faults).toContainEqual(expect.objectContaining({ what: 'inserted', transfer: id }))
  })
})

describe('history as a whole', () => {
  /** Amount, counters and everything that was sealed of it: as if it had always been so. */
  const rewrite = async (tx: Tampering) => {
    const { id, debit, credit } = books.post
    await tx`update transfers set amount = amount + 1 where id = ${id}`
    await tx`update accounts set debits_posted = debits_posted + 1 where id = ${debit}`
    await tx`update accounts set credits_posted = credits_posted + 1 where id = ${credit}`
    await tx`truncate seals, balance_checkpoints, balances_sealed`
    await tx`update sealed set position = 0`
  }

  test('that was written anew in every table is found by a head that was kept, and only by that', async () => {
    const anew = {
      afterwards: async (root: Parameters<typeof seal>[0]) => {
        for (let left = 1n; left > 0n;) left = (await seal(root, 20))?.waiting ?? left
      },
    }
    const without = await tampered(books, rewrite, anew)
    expect(without.faults).toEqual([])
    expect(without.report.breaches).toEqual([])
    expect(without.verification.notSealed).toBe(0n)

    const { faults } = await tampered(books, rewrite, { ...anew, heads: books.heads })
    expect(brief(faults)).toEqual(books.heads.map(({ no }) => ({ what: 'other_history', transfer: null, seal: no })))
  })

  test('whose end was cut off, seals and watermark with it, is found by a head that was kept', async () => {
    const cut = async (tx: Tampering) => {
      await tx`
        delete from transfers where position >= (select first_position from seals
          where ledger = ${books.ledger} and no = ${books.seals.last.toString()})`
      await tx`delete from seals where ledger = ${books.ledger} and no = ${books.seals.last.toString()}`
      await tx`update sealed set position = (select max(position) from transfers)`
    }
    expect((await tampered(books, cut)).faults).toEqual([])
    const { faults } = await tampered(books, cut, { heads: books.heads })
    expect(brief(faults)).toEqual([{ what: 'seal_missing', transfer: null, seal: books.seals.last }])
  })
})
