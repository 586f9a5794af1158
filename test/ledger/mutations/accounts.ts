import type { Mutation } from '../../support/mutations/mutation.ts'
import { APPLY, OPEN, SAME_ID, WHOLE, broken } from './files.ts'

/** Accounts of several rows, which are frozen and closed as a whole; and ids that two calls have at the same moment. */
const whole = broken(APPLY, WHOLE)
const opening = broken(OPEN, WHOLE)
const sweeper = broken('src/ledger/shards.ts', WHOLE)
const sameId = broken(APPLY, SAME_ID)

export const ACCOUNTS: readonly Mutation[] = [
  whole(
    'freezes and closes only the row that is named',
    'foreach j in array array_positions(a_main, a_main[d])',
    'foreach j in array array[d]',
  ),
  whole(
    'looks for holds only on the row that is to be closed',
    'from unnest(a_main, a_dp, a_cp) k(main, dp, cp)',
    'from unnest(a_main[d:d], a_dp[d:d], a_cp[d:d]) k(main, dp, cp)',
  ),
  whole('looks for holds on rows of other accounts', 'where k.main = a_main[d] and (k.dp', 'where (k.dp'),
  whole('does not see that a row was born meanwhile', 'where a.id <> all (v_accounts))', 'where false)'),
  opening('lets a row be born while its account is frozen', '  order by m.id\n  for share of m;', '  order by m.id;'),
  opening('lets a row be born unfrozen', 'm.frozen, m.closed\n', 'false, m.closed\n'),
  opening('lets a row be born open', 'm.frozen, m.closed\n', 'm.frozen, false\n'),
  sweeper('sweeps into a frozen account', '(m.frozen or m.closed)', '(m.closed)'),
  sweeper('sweeps into a closed account', '(m.frozen or m.closed)', '(m.frozen)'),
  sameId(
    'refuses what another call moves at that moment',
    'if x_elsewhere[x] then',
    'if x_elsewhere[x] and p is not null then',
  ),
  sameId(
    'ends a hold by an id that another call refuses at that moment',
    'if x_elsewhere[x] then',
    'if x_elsewhere[x] and p is null then',
  ),
  sameId(
    'does not know what another call decides about',
    'pg_try_advisory_xact_lock(uuid_hash',
    'pg_try_advisory_xact_lock_shared(uuid_hash',
  ),
]
