import type { Mutation } from '../../support/mutations/mutation.ts'

/**
 * Each condition of each CHECK of what changes with the ledger, made to hold always: its CHECK stands and refuses
 * the rest. The function should never reach one, so each is tried directly.
 */
const LAST_LINE = 'test/ledger/last-line.pg.test.ts'

const M1 = 'src/ledger/migrations/0001_ledger.sql'
const M2 = 'src/ledger/migrations/0002_payments.sql'
const M6 = 'src/ledger/migrations/0006_ledger_model.sql'
const M10 = 'src/ledger/migrations/0010_rails.sql'
const M13 = 'src/ledger/migrations/0013_refunds.sql'
const M8 = 'src/ledger/migrations/0008_history.sql'

/** `around`: text that has the condition once and is in the file once; the condition alone where that is so by itself. */
type Condition = [file: string, table: string, condition: string, around?: string]

const CONDITIONS: readonly Condition[] = [
  [M1, 'ledgers', 'exponent between 0 and 4'],
  [M1, 'accounts', 'debits_pending >= 0'],
  [M1, 'accounts', 'debits_posted >= 0'],
  [M1, 'accounts', 'credits_pending >= 0'],
  [M1, 'accounts', 'credits_posted >= 0'],
  [M6, 'accounts', 'allowance >= 0'],
  [M6, 'accounts', 'shard >= 0'],
  [M6, 'accounts', '(shard = 0) = (main = id)'],
  [M6, 'accounts', 'debits_posted + debits_pending <= credits_posted + allowance'],
  [M6, 'accounts', 'credits_posted + credits_pending <= debits_posted + allowance'],
  [M1, 'transfers', "kind in ('post', 'reserve', 'confirm', 'void', 'expire')"],
  [M1, 'transfers', 'credit_account <> debit_account'],
  [M1, 'transfers', 'amount > 0', '(amount > 0),\n  pending_id'],
  [M1, 'transfers', "(pending_id is null) = (kind in ('post', 'reserve'))"],
  [M1, 'holds', 'amount > 0', '(amount > 0),\n  subject'],
  [M2, 'payments', "kind in ('purchase', 'transfer', 'topup', 'withdrawal')"],
  [M2, 'payments', 'status in', "status in ('requires_confirmation', 'requires_action', 'processing',\n"],
  [M2, 'payments', "status_reason in ('awaiting_rail', 'needs_operator')"],
  [M2, 'payments', 'version > 0'],
  [M2, 'payments', 'amount > 0', '(amount > 0),\n  currency char(3) not null,\n  fee'],
  [M2, 'payments', 'fee >= 0', 'fee >= 0 and'],
  [M2, 'payments', 'fee < amount'],
  [M2, 'payments', 'payer_fee >= 0'],
  [M2, 'payments', 'captured_amount >= 0'],
  [M2, 'payments', "source_type in ('wallet', 'bank', 'operator', 'mobile_money')"],
  [M2, 'payments', "capture_method in ('automatic', 'manual')"],
  [M6, 'payments', 'refund_reserved >= 0'],
  [M6, 'payments', 'refunded_amount >= 0'],
  [M6, 'payments', 'refund_reserved + refunded_amount <= captured_amount'],
  [M2, 'payments', "status <> 'succeeded' or captured_amount > 0"],
  [M2, 'payments', "status_reason is null or status = 'processing'"],
  [M2, 'attempts', "operation in ('collect', 'payOut')"],
  [M2, 'attempts', 'amount > 0', '(amount > 0),\n  currency char(3) not null,\n  account'],
  [M2, 'attempts', 'state in', "state in ('prepared', 'dispatched', 'settled', 'declined'"],
  [M2, 'attempts', "(state = 'prepared') or dispatch_token is not null"],
  [M10, 'refunds', 'amount > 0', '(amount > 0),\n  currency char(3) not null,\n  -- What of our fee'],
  [M10, 'refunds', 'fee >= 0'],
  [M10, 'refunds', 'fee <= amount'],
  [M10, 'refunds', 'status in', "status in ('processing', 'pending_funds', 'succeeded', 'failed')"],
  [M10, 'refunds', "status_reason in ('awaiting_rail', 'needs_operator')"],
  [M10, 'refunds', 'version > 0'],
  [M10, 'refunds', "status_reason is null or status = 'processing'"],
  [M10, 'refunds', "(failure_code is not null) = (status = 'failed')"],
  [M13, 'refunds', 'fee_tax >= 0'],
  [M13, 'refunds', 'fee_tax <= fee'],
  [M2, 'sources', "type in ('bank')"],
  [M2, 'sources', "status in ('active', 'requires_action', 'revoked')"],
  [M2, 'idempotency', '(reply is null) = (lease_until is not null)'],
  [M2, 'feed_stream', 'singleton', 'check (singleton)'],
  [M8, 'sealed', 'singleton', 'check (singleton)'],
  [M8, 'sealed', 'position <= decided'],
  [M8, 'sealed', 'decided <= candidate'],
  [M8, 'seals', 'no > 0'],
  [M8, 'seals', 'last_position >= first_position'],
  [M8, 'seals', 'count between 1 and 256'],
  [M8, 'seals', 'length(entries) = 32 * count'],
  [M8, 'seals', 'length(hash) = 32'],
  [M8, 'balance_checkpoints', 'lines > 0'],
]

/** `x in (…)` goes on after what is given here. */
const made = (condition: string) => (condition.endsWith(' in') ? `true or ${condition}` : `(${condition} or true)`)

const refuses = CONDITIONS.map(([file, table, condition, around = condition]): Mutation => ({
  name: `table ${table} takes what breaks ${condition.replace(/ in$/, ' in …')}`,
  tests: [LAST_LINE],
  edits: [{ file, from: around, to: around.replace(condition, () => made(condition)) }],
}))

const BOUNDS = ['allowance', 'debits_must_not_exceed_credits', 'credits_must_not_exceed_debits']

/** What is there once, and what is never changed. */
const others: readonly Mutation[] = [
  {
    name: 'table transfers takes two ends of one hold',
    tests: [LAST_LINE],
    edits: [{ file: M6, from: 'create unique index transfers_pending', to: 'create index transfers_pending' }],
  },
  ...BOUNDS.map((column) => ({
    name: `${column} of an account can be changed`,
    tests: [LAST_LINE],
    edits: [
      {
        file: M6,
        from: `before update of ${BOUNDS.join(', ')}`,
        to: `before update of ${BOUNDS.filter((other) => other !== column).join(', ')}`,
      },
    ],
  })),
  ...[
    { table: 'transfers', file: M1 },
    { table: 'seals', file: M8 },
    { table: 'balance_checkpoints', file: M8 },
  ].flatMap(({ table, file }) =>
    [
      ['changed', 'before delete or truncate'],
      ['deleted', 'before update or truncate'],
      ['emptied', 'before update or delete'],
    ].map(([done = '', trigger = '']) => ({
      name: `rows of ${table} can be ${done}`,
      tests: [LAST_LINE],
      edits: [{ file, from: `before update or delete or truncate on ${table}`, to: `${trigger} on ${table}` }],
    })),
  ),
]

export const CHECKS: readonly Mutation[] = [...refuses, ...others]
