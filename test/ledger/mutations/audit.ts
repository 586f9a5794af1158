import type { Mutation } from '../../support/mutations/mutation.ts'
import { broken } from './files.ts'

/** Each condition of each check of the audit, made to hold always, and each exception from one, made to hold never. */
const AUDIT = 'test/ledger/audit.pg.test.ts'

/** Of one check: its file, what the audit does then, and the text and what it becomes. */
const check = (file: string, ...cases: readonly (readonly [does: string, from: string, to: string])[]): Mutation[] =>
  cases.map(([does, from, to]) => broken(`src/ledger/audit/${file}.ts`, AUDIT)(`the audit ${does}`, from, to))

const ledger: readonly Mutation[] = [
  ...check(
    'balance',
    ['adds up no posted sides', 'sum(debits_posted) <> sum(credits_posted) or ', ''],
    ['adds up no pending sides', ' or sum(debits_pending) <> sum(credits_pending)', ''],
  ),
  ...check(
    'counters',
    ['believes debits_pending', 'where (a.debits_pending, a', 'where (coalesce(s.dp, 0), a'],
    [
      'believes debits_posted',
      'where (a.debits_pending, a.debits_posted',
      'where (a.debits_pending, coalesce(s.dd, 0)',
    ],
    ['believes credits_pending', 'a.credits_pending, a.credits_posted)\n', 'coalesce(s.cp, 0), a.credits_posted)\n'],
    ['believes credits_posted', 'a.credits_pending, a.credits_posted)\n', 'a.credits_pending, coalesce(s.cc, 0))\n'],
    ['looks for no account that transfers name', 'accounts a full join sums', 'accounts a left join sums'],
  ),
  ...check(
    'prefixes',
    ['looks for no overdraft', 'debits_over > 0 or ', ''],
    ['takes what is held for what is there', 'sum(m.dp + m.dd - m.cc)', 'sum(m.dd - m.cc)'],
    ['knows no credit line', ' - a.allowance end as debits_over', ' end as debits_over'],
    ['looks for an overdraft at the end alone', 'partition by m.account order by m.position', 'partition by m.account'],
  ),
  ...check(
    'holds',
    ['takes a hold that is gone', 'coalesce(e.ends, 0) <> 1', 'coalesce(e.ends, 0) > 1'],
    ['takes a hold that ended twice', 'coalesce(e.ends, 0) <> 1', 'coalesce(e.ends, 0) < 1'],
    ['takes a hold of another amount', 'or (h.id is not null and (t', 'or (false and (t'],
    ['takes an end before its hold', '(h.position > t.position\n', '(false\n'],
    [
      'takes an end on other accounts than its hold',
      'or (t.ledger, t.debit_account, t.credit_account) is distinct from (h.ledger, h.debit_account, h.credit_account)',
      '',
    ],
    ['takes a confirm of more than its hold', 'or t.amount > h.amount or', 'or'],
    ['takes a void of less than its hold', " or (t.kind <> 'confirm' and t.amount <> h.amount)", ''],
    ['takes an expiry while a rail may know of it', 'h.expires_at is not null and exists', 'false and exists'],
  ),
]

const money: readonly Mutation[] = [
  ...check(
    'states',
    ['takes a payment in no state', 'when r.status is null\n', 'when false\n'],
    ['takes whatever is held of a payment', 'when coalesce(h.amount, 0) <>', 'when false and 0 <>'],
    ['takes whatever is posted of a payment', 'when coalesce(t.amount, 0) <>', 'when false and 0 <>'],
    ['forgets a payer’s fee that is held', "'amount' then p.amount + p.payer_fee", "'amount' then p.amount"],
    ['forgets a payer’s fee that was posted', 'p.captured_amount + p.payer_fee', 'p.captured_amount'],
    ['takes an end while the rail has not said its word', 'when u.payment is not null and', 'when false and'],
    ['takes whoever’s money', 'where a.owner is not null and', 'where false and'],
  ),
  ...check(
    'rails',
    ['compares nothing with the rails', 'where coalesce(e.posted, 0) <>', 'where false and 0 <>'],
    ['looks for no settled attempt that was not posted', 'full join settled s', 'left join settled s'],
    ['cannot wait for what is about to be posted', 'and not (coalesce(e.posted, 0) = 0 and', 'and not (false and'],
    ['takes an attempt of no payment', 'when p.id is null then', 'when false then'],
    ['takes an attempt of a wallet’s payment', "when p.source_type is null or p.source_type = 'wallet'", 'when false'],
    [
      'takes an attempt of another amount',
      'when (a.amount, a.currency, a.ledger) is',
      'when false and (a.amount, a.currency, a.ledger) is',
    ],
    ['takes an attempt the other way', "when (p.kind = 'withdrawal') <>", 'when false and true <>'],
    ['counts no attempts', 'when a.place <> a.no then', 'when false then'],
    ['takes an attempt under any reference', 'when a.reference <> a.made then', 'when false then'],
    [
      'looks for no attempt',
      'and not exists (select from attempts a where',
      'and false and not exists (select from attempts a where',
    ],
  ),
  ...check(
    'evidence',
    ['compares no break with its evidence', 'where coalesce(p.amount, 0) <> coalesce(s.amount, 0)', 'where false'],
    ['takes a return that nobody has said', "when e.id is null then 'was never said'", "when false then ''"],
    ['takes more back than was sent', 'having sum(r.amount) > a.amount', 'having false'],
    ['misses no return', "when r.evidence_id is null then 'was posted", "when false then 'was posted"],
    [
      'takes a return of another payment',
      'when (r.payment, r.no, r.ledger, r.amount) is',
      'when false and (r.payment) is',
    ],
  ),
  ...check(
    'clearing',
    [
      'forgets in clearing what came back',
      '(coalesce(i.amount, 0) + coalesce(b.amount, 0))',
      '(coalesce(i.amount, 0))',
    ],
    ['takes whatever stands in clearing', '(row) => row.balance !== row.inTransit + row.other', '() => false'],
    ['takes what is about to be posted for in transit', " and coalesce(r.status, p.status) = 'succeeded'", ''],
    ['knows of no statement line', 'row.inTransit + row.other)', 'row.inTransit)'],
  ),
  ...check(
    'refunds',
    ['takes whatever is held for a refund', 'when coalesce(s.held, 0) <> case', 'when false and 0 <> case'],
    ['takes whatever is posted for a refund', 'when coalesce(s.posted, 0) <> case', 'when false and 0 <> case'],
    ['takes a refund with any of our fee', 'when coalesce(s.fees, 0) <> case', 'when false and 0 <> case'],
    [
      'takes a refund of whoever’s money',
      'where a.owner is not null and a.owner is distinct',
      'where false and a.owner is distinct',
    ],
    [
      'adds up no refunds',
      'where (p.refund_reserved, p.refunded_amount) is distinct',
      'where false and (1, 2) is distinct',
    ],
    ['takes a refund’s attempt of no refund', 'when r.id is null then', 'when false then'],
    [
      'takes a refund at a rail without an attempt',
      "when a.attempted is null and p.source_type <> 'wallet' and",
      'when false and',
    ],
    [
      'takes a wallet’s refund at a rail',
      "when p.source_type = 'wallet' or r.status = 'pending_funds' then",
      'when false then',
    ],
    [
      'takes a refund’s attempt of another amount',
      'when (a.asked, a."in", a."at") is',
      'when false and (a.asked, a."in", a."at") is',
    ],
    ['takes a refund under any reference', 'when a.no <> 1 or a.reference <> a.made then', 'when false then'],
    ['takes a refund of what was never collected', 'when c.reference is null then', 'when false then'],
    [
      'takes a refund that ended before its rail said so',
      "when a.state in ('dispatched', 'pending', 'unknown') and r",
      'when false and r',
    ],
    ['takes a refund of no payment', 'where p.id is null or (p.merchant', 'where (p.merchant'],
    [
      'takes a refund of another merchant',
      ' or (p.merchant, p.currency, p.ledger) is distinct from (r.merchant, r.currency, r.ledger)',
      '',
    ],
    [
      'takes transfers of no refund',
      'as refund from transfers where subject',
      'as refund from transfers where false and subject',
    ],
    [
      'takes holds of no refund',
      "subject from holds where subject like 'rfd\\\\_%'\n    )",
      'subject from holds where false\n    )',
    ],
    ['takes an event of another refund’s state', 'or (o.version = r.version\n', 'or (false\n'],
    ['takes a refund that nobody was told of', 'is distinct from r.version\n', 'is null and false\n'],
  ),
  ...check(
    'cover',
    ['asks for no cover', 'where owed > covered', 'where false'],
    ['covers customers’ money with ours', " and a.name like 'cash:%:trust'", ''],
  ),
]

const rows: readonly Mutation[] = [
  ...check(
    'references',
    ['takes a debit account that is not there', 'd.id is null or c.id is null', 'c.id is null'],
    ['takes a credit account that is not there', 'd.id is null or c.id is null', 'd.id is null'],
    ['takes a transfer of no unit', 'where u.id is null or', 'where'],
    ['takes a transfer of a refused unit', " or u.result ->> 'code' <> 'ok'", ''],
    ['takes a transfer that was refused', 'where t.id is not null or', 'where'],
    ['takes any reason for a refusal', " or r.code !~ '^(exceeds|account)_|_not_found$'", ''],
    ['takes transfers of no payment', 'from transfers where subject', 'from transfers where false and subject'],
    ['takes holds of no payment', 'from holds where subject', 'from holds where false and subject'],
    ['takes a payment from another’s account', 'and (s.user_id is distinct from p.payer\n', 'and (false\n'],
    ['takes an attempt for another account', 'or (a.payment is not null and', 'or (false and'],
    ['takes a callback about nothing', 'where a.rail = k.rail and a.reference = k.reference', 'where true'],
    ['takes an incident about nothing', 'where a.payment = i.payment and a.reference =', 'where true or a.reference ='],
    [
      'takes evidence about nothing',
      'where (a.payment, a.no, a.rail, a.reference, a.ledger) =',
      'where true or (a.payment, a.no, a.rail, a.reference, a.ledger) =',
    ],
  ),
  ...check(
    'accounts',
    ['takes an account of no ledger', 'when known_ledger is null then', 'when false then'],
    ['takes a part of no account', 'when main_name is distinct from name then', 'when false then'],
    ['takes an account under any id', "'hex')::uuid <> id", "'hex')::uuid is null"],
    ['takes any code', 'when named_code is distinct from code then', 'when false then'],
    ['takes any owner', 'when named_owner is distinct from owner then', 'when false then'],
    ['takes an account without its guard', 'when debits_must_not_exceed_credits <> bounded or', 'when'],
    ['takes any credit line', 'when allowance <> 0 and not "creditLine" then', 'when false then'],
    ['takes no credit line', 'allowance <> 0 and not "creditLine"', 'allowance <> 0'],
    ['takes any decimals', 'where k.exponent <> l.exponent', 'where false'],
    ['takes a payment in another currency', 'where l.currency is distinct from p.currency', 'where false'],
  ),
  ...check(
    'feeds',
    ['compares no head', 'where h.seq is distinct from coalesce(e.last, 0) or', 'where'],
    ['takes an event before the first of its feed', ' or e.first <> 1', ''],
    ['takes a hole in a feed', ' or e.last <> e.count', ''],
    ['takes an event ahead of its payment', 'where o.version > p.version\n', 'where false\n'],
    [
      'takes an event of another amount',
      "or o.body @> jsonb_build_object('kind'",
      "or false and o.body @> jsonb_build_object('kind'",
    ],
    ['takes an event of another state', 'or (o.version = p.version and', 'or (false and'],
    ['takes a payment that nobody was told of', 'is distinct from p.version', 'is null and false'],
    ['takes an event of another payer', "else jsonb_build_object('payer', p.payer) end", "else '{}' end"],
    ['takes another’s payment in a merchant’s feed', 'or (o.to_merchant and o.feed is', 'or (false and o.feed is'],
    ['asks for no word to a merchant', 'f.feed in (p.merchant, p.store)) w', 'false) w'],
    [
      'takes events that nobody follows',
      'and not exists (select from followed_feeds',
      'and false and not exists (select from followed_feeds',
    ],
    ['asks for no word to a payee', "(case when p.payee like 'usr\\\\_%' then p.payee end)", '(null)'],
  ),
]

const COLUMNS = ['debits_pending', 'debits_posted', 'credits_pending', 'credits_posted'] as const
const SUMS = { debits_pending: 'dp', debits_posted: 'dd', credits_pending: 'cp', credits_posted: 'cc' } as const

/** A sealed balance `b` or a checkpoint `k`, whose column is compared with itself. */
const believed = (row: 'b' | 'k', what: string, columns: readonly string[]): Mutation[] =>
  columns.flatMap((column) => {
    const all = columns.map((each) => `${row}.${each}`).join(', ')
    const sum = Object.entries(SUMS).find(([name]) => name === column)?.[1] ?? column
    return check('history', [
      `believes ${column} of ${what}`,
      `where (${all})`,
      `where (${all.replace(`${row}.${column}`, `${row === 'b' ? 's' : 'd'}.${sum}`)})`,
    ])
  })

const history: readonly Mutation[] = [
  ...believed('b', 'a sealed balance', ['position', 'lines', ...COLUMNS]),
  ...believed('k', 'a checkpoint', ['lines', ...COLUMNS]),
  ...check(
    'history',
    ['looks for no sealed balance that is gone', 'full join balances_sealed', 'right join balances_sealed'],
    ['takes a sealed balance of nothing', 'full join balances_sealed', 'left join balances_sealed'],
    ['looks for no checkpoint that is gone', 'full join balance_checkpoints', 'right join balance_checkpoints'],
    ['takes a checkpoint where none is due', 'full join balance_checkpoints', 'left join balance_checkpoints'],
  ),
  ...check('chain', ['does not walk the chain', 'broken: faults', 'broken: faults.slice(faults.length)']),
]

export const AUDITS: readonly Mutation[] = [...ledger, ...money, ...rows, ...history]
