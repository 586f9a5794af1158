import type { Mutation } from '../../support/mutations/mutation.ts'
import { APPLY, GUARDS, broken, inApply } from './files.ts'

/** What happens with a unit's transfers, by what became of them. */
const branches = broken(APPLY, GUARDS)
const columns = broken(APPLY, 'test/ledger/columns.pg.test.ts')

const BRANCH = "b := u -> case when v_code is null then 'ok' else 'refused' end;"
const AVAILABLE = '(a_cc[d] - a_dd[d] - a_dp[d])::text'

const taken: readonly Mutation[] = [
  branches('takes for granted that the transfers were made', BRANCH, "b := u -> 'ok';"),
  branches('does nothing for what was refused', BRANCH, "b := case when v_code is null then u -> 'ok' end;"),
  branches('writes no change of a payment', 'where m_stood[k.ordinality] and m_moved[k.ordinality]', 'where false'),
  branches('writes no new payment', 'where m_moved[k.n] and not m_stood[k.n]', 'where false'),
  columns('writes no change of an attempt', 'where s_stood[k.ordinality] and s_moved[k.ordinality]', 'where false'),
  branches('writes no new attempt', 'where s_moved[k.n] and not s_stood[k.n]', 'where false'),
  branches('writes no linked account', 'if cardinality(v_sources) > 0 then', 'if false then'),
  ...['status = k.status', 'version = k.version', 'captured_amount = k.captured_amount', 'payer_fee = k.payer_fee'].map(
    (column) => columns(`does not change a payment’s ${column.split(' ')[0] ?? ''}`, `${column},`, ''),
  ),
  ...['state = k.state', 'dispatch_token = k.dispatch_token', 'evidence = k.evidence'].map((column) =>
    columns(`does not change an attempt’s ${column.split(' ')[0] ?? ''}`, `${column},`, ''),
  ),
  branches(
    'takes a changed payment for a new one',
    'm_row[i] := jsonb_populate_record(m_row[i], g);',
    'm_row[i] := jsonb_populate_record(null::payments, g);',
  ),
]

const events: readonly Mutation[] = [
  branches('numbers two events of a feed the same', 'f_events[j] := f_events[j] + 1;', 'f_events[j] := 1;'),
  branches('numbers a feed from where its batch began', 'seq = h.seq + excluded.seq', 'seq = excluded.seq'),
  branches('tells of nothing', 'where k.place is not null and', 'where false and'),
  branches('tells what is held as available', AVAILABLE, '(a_cc[d] - a_dd[d])::text'),
  branches('tells what was spent as available', AVAILABLE, '(a_cc[d] - a_dp[d])::text'),
  branches('does not tell what is to come', "'pending', a_cp[d]::text", "'pending', '0'"),
  {
    name: 'tells a balance as it was before the batch',
    tests: [GUARDS],
    edits: inApply(
      ['\n  r record;', '\n  r record;\n  o_cp bigint[];'],
      ['  for v_unit in 1 ..', '  o_cp := a_cp;\n  for v_unit in 1 ..'],
      ["'pending', a_cp[d]::text", "'pending', o_cp[d]::text"],
    ),
  },
  branches(
    'tells the balance of an account that does not exist',
    "if a_ledger[d] is null then raise exception 'an event",
    "if false then raise exception 'an event",
  ),
]

export const BRANCHES: readonly Mutation[] = [...taken, ...events]
