import { broken, type Mutation } from '../../support/mutations/mutation.ts'

/** What a flood can use up, sign-ups and tables, and what is forgotten too early or not at all. */

const ENROLMENT = 'test/identity/enrolment.pg.test.ts'
const store = broken('src/identity/enrolment-store.ts', ENROLMENT)
const address = broken('src/domain/address.ts', ENROLMENT)
const past = broken('src/identity/past.ts', ENROLMENT)
const forget = broken('src/ledger/functions/forget.sql', 'test/ledger/retention.pg.test.ts')
const rounds = broken('src/ledger/rounds.ts', 'test/ledger/retention.pg.test.ts')
const page = broken('clients/wallet-web/model/order.ts', 'test/clients/wallet-web/order.test.ts')

const caps: readonly Mutation[] = [
  store('lets a network sign up without end', "return 'address_prefix'", 'return null'),
  store('lets a range of numbers sign up without end', "return 'number_prefix'", 'return null'),
  store('sends messages beyond the budget', "? 'sms' : null", '? null : null'),
  store('counts a network without a lock', '`address-prefix:${address.prefix}`', '`id:${input.id}`'),
  store('counts a range of numbers without a lock', '`phone-prefix:${numberPrefix(phone)}`', '`id:${input.id}`'),
  store(
    'does not write down the network of a sign-up',
    '${address?.prefix ?? null}, ${input.deviceName}',
    'null, ${input.deviceName}',
  ),
  store('keeps caps of strangers where they are lifted', 'if (address === null) return null\n', ''),
  address('takes each IPv4 address for a network', "dotted.replace(/\\.\\d+$/, '.0/24')", 'dotted'),
  address('takes each /64 for a network', 'groups.slice(0, 3)', 'groups.slice(0, 4)'),
  address('takes a provider for a network', 'groups.slice(0, 3)', 'groups.slice(0, 2)'),
]

const forgotten: readonly Mutation[] = [
  forget('forgets an answer the day after', "interval '7 days'", "interval '6 days'"),
  forget('keeps answers for ever', "interval '7 days'", "interval '700 days'"),
  forget('forgets a key whose command runs', 'and (reply is not null or lease_until < v_before)', ''),
  forget('keeps keys for ever whose command was left behind', ' or lease_until < v_before)', ')'),
  forget('forgets a key while a unit answers it', '(not old.leased or', '(true or'),
  forget('forgets a used jti with its signature', "interval '1 day'", "interval '0 days'"),
  forget('keeps used jtis for ever', "interval '1 day'", "interval '1000 days'"),
  forget(
    'waits for answers that another call holds',
    'order by created_at limit p_rows\n    for update skip locked',
    'order by created_at limit p_rows\n    for update',
  ),
  forget(
    'reads all answers to find the old ones',
    'where created_at < v_before and',
    "where created_at < clock_timestamp() - interval '7 days' and",
  ),
  forget(
    'reads all used jtis to find the old ones',
    'where expires_at < v_before',
    "where expires_at < clock_timestamp() - interval '1 day'",
  ),
  broken('src/ledger/functions/apply_units.sql', 'test/ledger/retention.pg.test.ts')(
    'counts an answer’s age from when its key was first used',
    'lease_until = null, created_at = v_now',
    'lease_until = null',
  ),
  rounds('forgets one batch at a time', 'if (done < rows) return total', 'return total'),
  rounds('goes on forgetting when its hub goes', 'if (stopping?.aborted === true) return total', ''),
  past('deletes nonces that are good', 'where expires_at < statement_timestamp()', 'where true'),
  past(
    'deletes enrolments that caps count',
    'where created_at < statement_timestamp() -',
    "where created_at < statement_timestamp() + interval '1 day' -",
  ),
  broken('src/ledger/functions/forget.sql', 'test/ledger/roles.pg.test.ts')(
    'lets everyone forget',
    'revoke execute on function forget_answers, forget_jtis from public;',
    'grant execute on function forget_answers, forget_jtis to public;',
  ),
  broken('src/ledger/functions/forget.sql', 'test/ledger/roles.pg.test.ts')(
    'forgets in tables of its caller',
    'alter function forget_answers security definer set search_path = public, pg_temp;',
    'alter function forget_answers security definer;',
  ),
]

const late: readonly Mutation[] = [
  page(
    'sends an order again whose key may be forgotten',
    "if (order.state.at !== 'waiting' && !('payment' in order.ask) && now - order.at > KEY_KEPT_MS)",
    'if (now < order.at)',
  ),
  page('does not ask what became of an old payment', " && !('payment' in order.ask) &&", ' &&'),
]

export const RETENTION: readonly Mutation[] = [...caps, ...forgotten, ...late]
