import type { Mutation } from '../../support/mutations/mutation.ts'
import { HISTORY as SQL, broken } from './files.ts'

/** Sealing behind the watermark, balances as of a moment, statements and reports. */
const BALANCE = 'test/ledger/history-balance.pg.test.ts'
const sealing = broken(SQL, 'test/ledger/history-sealing.pg.test.ts')
const balances = broken(SQL, BALANCE)
const times = broken(SQL, 'test/ledger/history-times.pg.test.ts')
const moments = broken('src/ledger/history/position.ts', BALANCE)
const statements = broken('src/ledger/history/statement.ts', BALANCE)
const reports = broken('src/ledger/history/reports.ts', 'test/ledger/history-reports.pg.test.ts')

const ONE_AT_A_TIME =
  "  if not pg_try_advisory_xact_lock(hashtextextended('mooring: seal_transfers', 0)) then return; end if;\n"
const ALL_ENDED = 'pg_snapshot_xmin(pg_current_snapshot()) >= v_candidate_xid'

const watermark: readonly Mutation[] = [
  sealing('seals past what a running transaction holds', ALL_ENDED, 'true'),
  sealing(
    'takes the newest transaction that ended for the oldest that runs',
    ALL_ENDED,
    ALL_ENDED.replace('xmin', 'xmax'),
  ),
  sealing(
    'takes its transaction id before it reads how far positions are drawn',
    ONE_AT_A_TIME,
    `${ONE_AT_A_TIME}  perform pg_current_xact_id();\n`,
  ),
  sealing(
    'seals in a transaction that has written',
    'if pg_current_xact_id_if_assigned() is not null then',
    'if false then',
  ),
  sealing('seals while another is at it', ONE_AT_A_TIME, ''),
  sealing(
    'seals what is not decided',
    't.position > s.position and t.position <= s.decided',
    't.position > s.position',
  ),
  sealing('passes over what a call had no room for', 'if transfers < p_limit then v_to', 'if true then v_to'),
  sealing('seals more than a block has', '/ 256 as block', '/ 64 as block'),
]

const chain: readonly Mutation[] = [
  {
    name: 'chains the blocks of all ledgers into one',
    tests: ['test/ledger/history-reports.pg.test.ts'],
    edits: [{ file: SQL, from: 'if v_ledger is distinct from b.ledger then', to: 'if v_ledger is null then' }],
  },
]

const asOf: readonly Mutation[] = [
  balances(
    'answers a moment with what came later',
    'where k.account = p_account and k.position <= p_position;',
    'where k.account = p_account;',
  ),
  balances(
    'begins at a checkpoint that came later',
    'k.position <= p_position order by k.position desc limit 1',
    'true order by k.position desc limit 1',
  ),
  balances(
    'counts twice what a checkpoint has',
    't.debit_account = p_account and t.position > v_from',
    't.debit_account = p_account',
  ),
  balances(
    'counts what came after the moment',
    't.credit_account = p_account and t.position > v_from and t.position <= p_position',
    't.credit_account = p_account and t.position > v_from',
  ),
  balances(
    'takes off a hold what was confirmed of it',
    'else -(select h.amount from transfers h where h.id = l.pending_id) end',
    'else -l.amount end',
  ),
  balances(
    'seals off a hold what was confirmed of it',
    'else -coalesce((select h.amount from transfers h where h.id = t.pending_id), 0) end',
    'else -t.amount end',
  ),
  balances(
    'forgets what was posted before it sealed',
    'debits_posted = k.debits_posted + excluded',
    'debits_posted = excluded',
  ),
  balances(
    'forgets what was held before it sealed',
    'credits_pending = k.credits_pending + excluded',
    'credits_pending = excluded',
  ),
  balances('forgets lines that it sealed', 'lines = k.lines + excluded.lines', 'lines = excluded.lines'),
  balances('checkpoints what was posted since the last', 'p.dd + sum(l.dd) over w', 'sum(l.dd) over w'),
  balances('checkpoints what was held since the last', 'p.cp + sum(l.cp) over w', 'sum(l.cp) over w'),
  balances('takes the nearest position for the last at a time', 'return coalesce(v_found, 0);', 'return v_low;'),
  moments(
    'answers for a position that is not sealed',
    'if (asOf.position > sealed) throw',
    'if (asOf.position < 0n) throw',
  ),
  moments('answers for a time that calls may still take', '${asOf.at}::timestamptz <= s.decided_at', 'true'),
  times(
    'decides a time while a commit of then is under way',
    's.decided_at := s.candidate_at;',
    's.decided_at := v_at;',
  ),
  times('decides no time where nothing happens', 'v_due := not v_idle or', 'v_due := not v_idle and'),
  times('writes at each call where nothing happens', 'v_due := not v_idle or', 'v_due := true or'),
  moments(
    'answers for a time before one that waits to be sealed',
    '        and not unsealed_at(${asOf.at}) as decided',
    ' as decided',
  ),
]

const lines: readonly Mutation[] = [
  statements(
    'shows what moved between an account’s own rows',
    '      if (internal) {\n',
    '      if (lines.length < 0) {\n',
  ),
  statements(
    'does not count what moved between an account’s own rows',
    "        if (entry.side === 'debit') counters = moved(moved",
    '        if (lines.length < 0) counters = moved(moved',
  ),
  statements(
    'goes on past its moment',
    'where t.debit_account = own.id and t.position > ${after} and t.position <= ${upTo}',
    'where t.debit_account = own.id and t.position > ${after}',
  ),
  statements(
    'shows off a hold what was confirmed of it',
    'else -coalesce((select h.amount from transfers h where h.id = p.pending_id), 0) end',
    'else -p.amount end',
  ),
  statements(
    'gives no more than a page',
    'if (last === undefined || entries.length <= limit) return',
    'if (true) return',
  ),
]

const sums: readonly Mutation[] = [
  reports('counts every currency as of a moment', 'where a.ledger = ${ledger} and a.code', 'where a.code'),
  reports('counts every currency', 'from accounts where ledger = ${ledger}\n', 'from accounts\n'),
  reports('adds expenses to what was earned', "total(section(rows, 'income')) -", "total(section(rows, 'income')) +"),
  reports(
    'adds expenses to what was earned in a period',
    'resultMinor: incomeMinor - expensesMinor',
    'resultMinor: incomeMinor + expensesMinor',
  ),
  reports(
    'counts in a period what was earned before',
    'const moves = [...after, ...opposite]',
    'const moves = [...after]',
  ),
]

export const HISTORY: readonly Mutation[] = [...watermark, ...chain, ...asOf, ...lines, ...sums]
