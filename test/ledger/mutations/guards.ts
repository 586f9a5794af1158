import type { Mutation } from '../../support/mutations/mutation.ts'
import { APPLY, GUARDS as TEST, broken } from './files.ts'

/** What a unit asks of its payment and of its attempt at a rail before anything moves. */
const guards = broken(APPLY, TEST)

const VERSION = "m_version[i] is distinct from (g ->> 'version')::integer"
const STATES = "s_state[i] is null or not (g -> 'states' ? s_state[i])"

const payment: readonly Mutation[] = [
  guards('moves a payment that is of another version', VERSION, 'm_version[i] is null'),
  guards('moves a payment that does not exist', VERSION, VERSION.replace('is distinct from', '<>')),
  guards(
    'moves a payment twice in a batch',
    "if g -> 'version' is not null then m_version[i] := (g ->> 'version')::integer; end if;",
    '',
  ),
  guards(
    'does not know the version of a payment that its batch made',
    "        m_version[i] := (g ->> 'version')::integer;\n",
    '',
  ),
  guards('confirms a payment that has expired', "(g -> 'unexpired' is not null and m_expires_at[i] <= v_now)", 'false'),
  guards('asks of every payment that it has not expired', "(g -> 'unexpired' is not null and m_exp", '(m_exp'),
  guards(
    'does not know when a payment expires that its batch made',
    "        m_expires_at[i] := (g ->> 'expires_at')::timestamptz;\n",
    '',
  ),
  guards(
    'starts a payment after the time to start',
    "(g -> 'before_start_by' is not null and m_start_by[i] <= v_now)",
    'false',
  ),
  guards('asks of every payment that it can start', "(g -> 'before_start_by' is not null and m_st", '(m_st'),
  guards(
    'does not know when a payment must start that its batch made',
    "        m_start_by[i] := (g ->> 'start_by')::timestamptz;\n",
    '',
  ),
  guards(
    'does not know when a payment must start that its batch accepted',
    "if g -> 'start_by' is not null then m_start_by[i] := (g ->> 'start_by')::timestamptz; end if;",
    '',
  ),
]

const attempt: readonly Mutation[] = [
  guards('writes an outcome whatever the attempt is', STATES, 's_state[i] is null'),
  guards('writes the outcome of an attempt that does not exist', STATES, STATES.replace('s_state[i] is null or ', '')),
  guards(
    'dispatches an attempt by another’s token',
    "or (g -> 'token' is not null and s_token[i] is distinct from (g ->> 'token')::uuid)",
    '',
  ),
  guards(
    'does not know where an attempt stands that its batch moved',
    "if g -> 'state' is not null then s_state[i] := g ->> 'state'; end if;",
    '',
  ),
  guards('does not know where an attempt stands that its batch made', "        s_state[i] := g ->> 'state';\n", ''),
  guards(
    'does not know the token of an attempt that its batch dispatched',
    "if g -> 'dispatch_token' is not null then s_token[i] := (g ->> 'dispatch_token')::uuid; end if;",
    '',
  ),
  guards(
    'does not know the token of an attempt that its batch made',
    "        s_token[i] := (g ->> 'dispatch_token')::uuid;\n",
    '',
  ),
]

const rows = broken(APPLY, 'test/ledger/columns.pg.test.ts')
/** What is asked of a device and of a PIN. */
const trust: readonly Mutation[] = [
  rows(
    'changes a device whatever it is',
    "exists (select from devices where id = g ->> 'id' and g -> 'states' ? status)",
    "exists (select from devices where id = g ->> 'id')",
  ),
  rows('changes a device twice in a batch', "        t_used[(u ->> 'device_t')::integer] := true;\n", ''),
  rows(
    'sets a PIN over one that was set meanwhile',
    "coalesce((select version from pins where user_id = g ->> 'user'), 0) <> (g ->> 'version')::integer",
    'false',
  ),
  rows(
    'keeps the count of guesses at the PIN before',
    'failures = 0, locked_until = null;',
    'failures = pins.failures;',
  ),
]

const CODE_VERSION =
  "coalesce((select version from codes where device = g ->> 'device'), 0) <> (g ->> 'version')::integer"

const code: readonly Mutation[] = [
  rows('counts what a code pays over what was counted meanwhile', CODE_VERSION, 'false'),
  rows(
    'counts twice in a batch what two codes of a device pay',
    "        t_used[(u ->> 'code_t')::integer] := true;\n",
    '',
  ),
  rows(
    'gives two devices one number',
    "select from codes where number = u -> 'ok' -> 'code' ->> 'number' and device <> g ->> 'device'",
    'select from codes where false',
  ),
  rows('gives two devices of a batch one number', "        t_used[(u ->> 'number_t')::integer] := true;\n", ''),
  rows(
    'forgets when a payment was last signed on a device',
    'untouched_minor = excluded.untouched_minor, untouched_at = excluded.untouched_at;',
    'untouched_minor = excluded.untouched_minor, untouched_at = excluded.untouched_at, touched_at = null;',
  ),
]

export const GUARDS: readonly Mutation[] = [...payment, ...attempt, ...trust, ...code]
