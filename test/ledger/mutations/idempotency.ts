import type { Mutation } from '../../support/mutations/mutation.ts'
import { APPLY, GUARDS, broken } from './files.ts'

/** What happens once, however often it is asked. */
const once = broken(APPLY, GUARDS)

const units: readonly Mutation[] = [
  once('answers a unit of other content under an id it knows', 'when n_hash[n] = v_hash then', 'when true then'),
  once('applies a unit again', 'if n_hash[n] is not null then', 'if false then'),
  once('forgets within a batch which units it applied', '    n_hash[n] := v_hash;\n', ''),
  once('does not write down which units it applied', 'n_write[n] := true;', 'n_write[n] := false;'),
  once(
    'answers a unit again with another result',
    '    n_result[n] := v_result;\n',
    `    n_result[n] := '{"code":"ok"}';\n`,
  ),
]

const keys: readonly Mutation[] = [
  once('takes another command under the same key', "when k_hash[i] <> g ->> 'hash' then", 'when false then'),
  once('does a command again under the same key', 'when k_reply[i] is not null then', 'when false then'),
  once(
    'forgets within a batch the reply under a key',
    '        k_reply[i] := v_bodies[coalesce',
    '        v_hash := v_bodies[coalesce',
  ),
  once('does not write down what it replied under a key', 'k_write[i] := true;', 'k_write[i] := false;'),
  once(
    'does a command that runs under its key already',
    "when g -> 'complete' is null and k_lease[i] > v_now",
    'when false',
  ),
  once('leaves a key to who gave it up', 'k_lease[i] > v_now then', 'k_lease[i] is not null then'),
  once(
    'does not let a command end what it began under its key',
    "when g -> 'complete' is null and k_lease[i]",
    'when k_lease[i]',
  ),
  once('replies to every refusal the same', "coalesce(b -> 'replies' ->> v_code, b ->> 'reply')", "(b ->> 'reply')"),
]

const jtis: readonly Mutation[] = [
  once('uses a jti twice in a batch', "if t_used[(g ->> 't')::integer]\n", 'if false\n'),
  once('forgets within a batch that a jti is used', "        t_used[(u -> 'jti' ->> 't')::integer] := true;\n", ''),
  once(
    'uses a jti twice',
    'or exists (select from used_jtis where device',
    'or exists (select from used_jtis where false and device',
  ),
  once('does not write down that a jti is used', "v_jtis := v_jtis || (u -> 'jti');", 'v_jtis := v_jtis;'),
  once('takes the jtis of all devices for one’s', "where device = g ->> 'device' and jti", 'where jti'),
  once(
    'spends the jti of what was refused',
    "if v_code is null and u -> 'jti' is not null then",
    "if u -> 'jti' is not null then",
  ),
]

const OPEN = "and status in ('requires_confirmation', 'requires_action', 'processing', 'requires_capture'))"

const payments: readonly Mutation[] = [
  once('makes a payment again', "if m_version[(u ->> 'new_m')::integer] is not null then", 'if false then'),
  once(
    'opens a second payment of an order in a batch',
    "if t_used[(u ->> 'order_t')::integer] or exists (",
    'if exists (',
  ),
  once(
    'forgets within a batch that an order has a payment',
    "if u -> 'order_t' is not null then t_used[(u ->> 'order_t')::integer] := true; end if;",
    '',
  ),
  ...['requires_confirmation', 'requires_action', 'processing', 'requires_capture'].map((status) =>
    once(`opens a second payment of an order whose first is ${status}`, OPEN, OPEN.replace(`'${status}'`, "'-'")),
  ),
  once('keeps an order for a payment that has ended', OPEN, ')'),
  once('has one open payment a merchant', "and order_ref = g ->> 'order_ref'", ''),
  once(
    'takes the orders of all merchants for one’s',
    "where merchant = g ->> 'merchant' and order_ref",
    'where order_ref',
  ),
]

const sources: readonly Mutation[] = [
  once('links an account twice in a batch', "if t_used[(u ->> 'source_t')::integer]\n", 'if false\n'),
  once(
    'forgets within a batch that an account is linked',
    "        t_used[(u ->> 'source_t')::integer] := true;\n",
    '',
  ),
  once('links an account under an id that is taken', "exists (select from sources where id = g ->> 'id')", 'false'),
  once('links an account twice', "where user_id = g ->> 'user_id' and", 'where false and'),
  once('links one account a user', "and bank = g ->> 'bank' and account = g ->> 'account'", ''),
  once('links an account number at one bank only', "and bank = g ->> 'bank' and account", 'and account'),
  once('links an account for one user only', "where user_id = g ->> 'user_id' and bank", 'where bank'),
  once('does not link an account again that was revoked', " and status <> 'revoked')", ')'),
]

export const IDEMPOTENCY: readonly Mutation[] = [...units, ...keys, ...jtis, ...payments, ...sources]
