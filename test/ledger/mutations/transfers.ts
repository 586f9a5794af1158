import type { Mutation } from '../../support/mutations/mutation.ts'
import { APPLY, GROUPS, RULES, broken, inApply } from './files.ts'

/** The rules of one transfer and of a group, as `apply_units` decides them. */
const rules = broken(APPLY, RULES)
const groups = broken(APPLY, GROUPS)

const known: readonly Mutation[] = [
  rules('takes a transfer of another kind for the same', 'when x_kind[x] <> v_kind then', 'when false then'),
  rules(
    'takes the end of another hold for the same',
    'when p is not null and x_pending[x] is distinct from',
    'when false and x_pending[x] is distinct from',
  ),
  rules(
    'takes a transfer of another amount for the same',
    'when v_amount is not null and not p_leg_up_to[i] and',
    'when false and',
  ),
  rules(
    'takes a transfer that moved more than its most for the same',
    'when p_leg_up_to[i] and x_amount[x] > v_amount',
    'when false',
  ),
  rules(
    'takes a transfer from another debit account for the same',
    'when p is null and x_debit[x] <>',
    'when false and x_debit[x] <>',
  ),
  rules(
    'takes a transfer to another credit account for the same',
    'when p is null and x_credit[x] <>',
    'when false and x_credit[x] <>',
  ),
  rules('takes what it finds again for new', 'if x_kind[x] is not null then', 'if false then'),
  rules(
    'takes a part of a hold for the whole of it',
    "when v_kind = 'confirm' and v_amount is null",
    'when false and v_amount is null',
  ),
  rules(
    'does not know what it held in the same batch',
    'coalesce(l_moved[x_leg[p]], (select',
    'coalesce(null, (select',
  ),
  broken('src/ledger/batch.ts', RULES)(
    'lets a unit name a transfer twice',
    'if (seen.has(transfer.id)) throw',
    'if (seen.size < 0) throw',
  ),
]

const refusals: readonly Mutation[] = [
  rules('lets a transfer id that was refused through later', 'if x_failed[x] then', 'if false then'),
  rules('ends a hold by a transfer id that was refused', 'if x_failed[x] then', 'if p is null and x_failed[x] then'),
  rules(
    'remembers as refused what is there',
    'p_leg_pending[v_at] is null and x_kind[p_leg_transfer[v_at]] is null',
    'p_leg_pending[v_at] is null',
  ),
  rules('writes no refusal down', 'if cardinality(v_failed_ids) > 0 then', 'if false then'),
  rules('forgets within a batch what it refused', '        x_failed[x] := true;\n', ''),
  rules('does not remember what exceeded a balance', "(v_code like 'exceeds\\_%' or", '('),
  rules('does not remember what met a frozen or closed account', " or v_code like 'account\\_%'", ''),
  rules('does not remember what met no account', " or v_code like '%\\_not\\_found'", ''),
  rules('remembers every refusal for ever', "and (v_code like 'exceeds\\_%'", "and (true or v_code like 'exceeds\\_%'"),
]

const spends: readonly Mutation[] = [
  rules('takes an amount of zero or below', 'when v_amount is null or v_amount <= 0 or', 'when v_amount is null or'),
  rules(
    'moves from an account to itself',
    "when d = c then 'accounts_must_differ'",
    "when false then 'accounts_must_differ'",
  ),
  rules(
    'does not look for the debit account',
    "differ'\n          when a_ledger[d] is null",
    "differ'\n          when false",
  ),
  rules('does not look for the credit account', 'when a_ledger[c] is null then', 'when false then'),
  rules('takes a debit account of another ledger', 'when a_ledger[d] <> v_ledger or', 'when'),
  rules('takes a credit account of another ledger', ' or a_ledger[c] <> v_ledger then', ' then'),
  rules('spends from a frozen account', "when a_frozen[d] then 'account_frozen'", "when false then 'account_frozen'"),
  rules('spends from a closed account', "when a_closed[d] then 'account_closed'", "when false then 'account_closed'"),
  rules('pays into a frozen account', "when a_frozen[c] then 'account_frozen'", "when false then 'account_frozen'"),
  rules('pays into a closed account', "when a_closed[c] then 'account_closed'", "when false then 'account_closed'"),
  rules('spends what is not there', 'when a_debits_fit[d] and a_dd[d]', 'when false and a_dd[d]'),
  rules(
    'spends what is held',
    'when a_debits_fit[d] and a_dd[d] + a_dp[d] + v_amount >',
    'when a_debits_fit[d] and a_dd[d] + v_amount >',
  ),
  rules('knows no credit line', 'v_amount > a_cc[d] + a_allowance[d] then', 'v_amount > a_cc[d] then'),
  rules('fills an account above what it may hold', 'when a_credits_fit[c] and a_cc[c]', 'when false and a_cc[c]'),
  {
    name: 'decides a batch by what was there before it',
    tests: [RULES],
    edits: inApply(
      ['\n  r record;', '\n  r record;\n  o_dp bigint[]; o_dd bigint[]; o_cc bigint[];'],
      ['  for v_unit in 1 ..', '  o_dp := a_dp; o_dd := a_dd; o_cc := a_cc;\n  for v_unit in 1 ..'],
      ['and a_dd[d] + a_dp[d] + v_amount > a_cc[d] +', 'and o_dd[d] + o_dp[d] + v_amount > o_cc[d] +'],
    ),
  },
]

const ofGroups: readonly Mutation[] = [
  groups(
    'keeps the legs before the one that was refused',
    'for i in reverse v_last .. v_first loop',
    'for i in reverse v_first - 1 .. v_first loop',
  ),
  groups(
    'takes more than an account has where it may take less',
    'if a_debits_fit[d] then v_amount := least(',
    'if false then v_amount := least(',
  ),
  groups('takes more than the total', 'v_amount := least(v_amount, v_missing);', 'v_amount := v_amount;'),
  groups('is content with less than the total', 'and v_missing <> 0 then', 'and v_missing < 0 then'),
  groups('forgets what a leg gave to the total', '          v_missing := v_missing - v_amount;\n', ''),
  groups('writes a leg that gives nothing', 'continue when v_amount <= 0;', 'null;'),
  groups(
    'does not tell what a leg up to a total gave',
    "          v_amounts := coalesce(v_amounts, '{}') || jsonb_build_object(p_transfers[x], v_amount::text);\n",
    '',
  ),
]

const RAIL = "where a.payment = h_subject[p] and a.state in ('prepared', 'dispatched', 'pending', 'unknown')"

const holds: readonly Mutation[] = [
  groups('confirms a hold past its time', 'when h_expires_at[p] <= v_now then', 'when false then'),
  groups(
    'expires a hold before its time',
    'h_expires_at[p] is null or h_expires_at[p] > v_now',
    'h_expires_at[p] is null',
  ),
  groups(
    'expires a hold that has no time',
    'h_expires_at[p] is null or h_expires_at[p] > v_now',
    'h_expires_at[p] > v_now',
  ),
  ...['prepared', 'dispatched', 'pending', 'unknown'].map((state) =>
    groups(`expires a hold whose attempt at a rail is ${state}`, RAIL, RAIL.replace(`'${state}'`, "'-'")),
  ),
  groups(
    'expires a hold whose attempt the same batch prepared',
    'where k.payment = h_subject[p] and k.state in',
    'where false and k.state in',
  ),
  groups(
    'expires a hold under the lock of another payment',
    "if v_kind = 'expire' and h_subject[p] <> p_leg_subject[i] then",
    'if false then',
  ),
  groups(
    'keeps a hold for an attempt that the same batch ended',
    'where k.payment = a.payment and k.no = a.no)))',
    'where false)))',
  ),
  groups('confirms more than is held', 'when v_amount > h_amount[p] then', 'when false then'),
  rules('confirms nothing or less', "when v_amount <= 0 then 'amount_invalid'", "when false then 'amount_invalid'"),
  groups(
    'keeps holding of the payer what a partial confirm left',
    'a_dp[d] := a_dp[d] - h_amount[p];',
    'a_dp[d] := a_dp[d] - v_amount;',
  ),
  groups(
    'keeps holding for the payee what a partial confirm left',
    'a_cp[c] := a_cp[c] - h_amount[p];',
    'a_cp[c] := a_cp[c] - v_amount;',
  ),
  rules('ends a hold again in the same batch', '        h_open[p] := false;\n', ''),
  rules('does not know how a hold ended', 'h_ended[r.n] := r.kind;', 'null;'),
  rules('does not know how the same batch ended a hold', '        h_ended[p] := v_kind;\n', ''),
  rules('keeps a hold that has ended', 'if v_gone > 0 then', 'if false then'),
  rules('places no hold', "if 'reserve' = any (p_leg_kind) then", 'if false then'),
  rules('closes an account that holds for another', '(k.dp > 0 or k.cp > 0)', '(k.dp > 0)'),
  rules('closes an account that has something held', '(k.dp > 0 or k.cp > 0)', '(k.cp > 0)'),
]

export const TRANSFERS: readonly Mutation[] = [...known, ...refusals, ...spends, ...ofGroups, ...holds]
