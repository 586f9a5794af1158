import type { Mutation } from '../../support/mutations/mutation.ts'
import { APPLY, LOCKS as TEST, RULES, broken, inApply } from './files.ts'

/** What `apply_units` locks, in which order, and what it only tries. */
const locks = broken(APPLY, TEST)

const BEGIN = "\nbegin\n  -- A hold's accounts never change"

const rows: readonly Mutation[] = [
  locks('takes no lock on accounts', 'order by a.id\n      for no key update of a\n', 'order by a.id\n'),
  locks('takes no lock on payments', '      for no key update of m\n', ''),
  locks(
    'takes no lock on attempts',
    'order by a.payment, a.no\n      for no key update of a\n',
    'order by a.payment, a.no\n',
  ),
]

/** Deadlocks, where two calls meet. */
const order: readonly Mutation[] = [
  locks('locks accounts in the order they are named', '      order by a.id\n', ''),
  locks('locks payments in the order they are named', '      order by m.id\n', ''),
  locks('locks attempts in the order they are named', '      order by a.payment, a.no\n', ''),
  locks(
    'locks feeds in the order they are named',
    'w.feed = k.feed))\n      order by k.feed)',
    'w.feed = k.feed))\n      order by k.n)',
  ),
  locks(
    'locks payments before accounts',
    BEGIN,
    BEGIN.replace(
      'begin\n',
      'begin\n  perform from payments m where m.id = any (p_payments) order by m.id for no key update;\n',
    ),
  ),
  locks(
    'locks feeds before accounts',
    BEGIN,
    BEGIN.replace(
      'begin\n',
      'begin\n  perform from feed_heads h where h.feed = any (p_feeds) order by h.feed for no key update;\n',
    ),
  ),
  locks(
    'locks attempts before payments',
    '  n := cardinality(p_payments);\n',
    '  perform from attempts a where a.payment = any (p_attempt_payment) order by a.payment, a.no for no key update;\n  n := cardinality(p_payments);\n',
  ),
]

const afterwards: readonly Mutation[] = [
  {
    name: 'judges by the time at which it was asked, not at which it had its locks',
    tests: [RULES],
    edits: inApply(
      ['  v_now := clock_timestamp();\n', ''],
      [BEGIN, BEGIN.replace('begin\n', 'begin\n  v_now := clock_timestamp();\n')],
    ),
  },
  locks(
    'takes a hold that was placed while it waited for one that is not there',
    "raise exception using errcode = '40001', message = 'a hold was placed while its accounts were being locked';",
    'null;',
  ),
]

const TRY_NAME = 'pg_try_advisory_xact_lock(hashtextextended(k.name, 0))'
const TRY_KEY = "pg_try_advisory_xact_lock(hashtextextended(p_key_scope[k.n] || ' ' || k.key, 0))"
const waiting = (tried: string) => `(${tried.replace('pg_try_advisory', 'pg_advisory')} is not null)`

const tries: readonly Mutation[] = [
  locks('does not see that a key is in other hands', TRY_KEY, 'true'),
  locks('does not see that a name is in other hands', TRY_NAME, 'true'),
  locks('waits for a key that is in other hands', TRY_KEY, waiting(TRY_KEY)),
  locks('waits for a name that is in other hands', TRY_NAME, waiting(TRY_NAME)),
  locks(
    'takes a key in other hands for another command’s',
    `when k_hash[i] = '' then '{"code":"in_flight"}'`,
    'when false then null',
  ),
  locks('takes what is in other hands', 'if not t_got[(g ->> i)::integer] then', 'if false then'),
]

export const LOCKS: readonly Mutation[] = [...rows, ...order, ...afterwards, ...tries]
