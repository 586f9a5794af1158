import { randomUUID } from 'node:crypto'

/**
 * For each table that changes with the ledger a row it takes, and rows that are wrong in one thing each, with the
 * CHECK that refuses them: one at least for every condition of every CHECK.
 */
type Row = Record<string, string | number | boolean | Buffer | null>
export type Tried = { table: string; sound: Row; wrong: readonly (readonly [constraint: string, change: Row])[] }

const id = randomUUID()
const NOW = '2026-11-23T12:00:00Z'

const account: Row = { ledger: 1, id, main: id, code: 2010, name: 'wallet:last-line' }
const counter = (name: string) => [`accounts_${name}_check`, { [name]: -1 }] as const
const LIMITED = { debits_must_not_exceed_credits: true, credits_posted: 100, allowance: 10 }
const FILLED = { credits_must_not_exceed_debits: true, debits_posted: 100, allowance: 10 }

const transfer: Row = {
  ledger: 1,
  id,
  kind: 'post',
  debit_account: randomUUID(),
  credit_account: randomUUID(),
  amount: 1,
  subject: 'test',
  unit: randomUUID(),
}

const payment: Row = {
  id: 'pay_lastline',
  ledger: 1,
  kind: 'purchase',
  status: 'succeeded',
  version: 1,
  amount: 100,
  currency: 'KES',
  fee: 99,
  captured_amount: 100,
  refunded_amount: 100,
  payee: 'mer_lastline',
  payee_name: 'M',
  source_type: 'wallet',
  created_at: NOW,
  updated_at: NOW,
}

const refund: Row = {
  id: 'rfd_lastline',
  ledger: 1,
  payment: 'pay_lastline',
  merchant: 'mer_lastline',
  amount: 100,
  currency: 'KES',
  fee: 2,
  fee_tax: 1,
  status: 'processing',
  version: 1,
  created_at: NOW,
  updated_at: NOW,
}

const attempt: Row = {
  payment: 'pay_lastline',
  no: 1,
  ledger: 1,
  rail: 'bank',
  operation: 'collect',
  reference: 'last-line',
  uetr: randomUUID(),
  amount: 1,
  currency: 'KES',
  account: 'KE00',
  account_holder: 'A',
  description: 'x',
  state: 'dispatched',
  dispatch_token: randomUUID(),
  updated_at: NOW,
}

const evidence: Row = {
  id,
  rail: 'bank',
  reference: 'last-line',
  payment: 'pay_lastline',
  no: 1,
  ledger: 1,
  kind: 'returned',
  via: 'callback',
  rail_id: 'RTR1',
  amount: 1,
  body: '{}',
  state: 'done',
  result: 'posted',
  moved: 1,
}

const seal: Row = {
  ledger: 1,
  no: 1,
  first_position: 5,
  last_position: 5,
  count: 1,
  entries: Buffer.alloc(32),
  hash: Buffer.alloc(32),
  at: NOW,
}

export const TRIED: readonly Tried[] = [
  {
    table: 'ledgers',
    sound: { id: 999, tenant: 'last-line', currency: 'XTS', exponent: 4 },
    wrong: [
      ['ledgers_exponent_check', { exponent: -1 }],
      ['ledgers_exponent_check', { exponent: 5 }],
    ],
  },
  {
    table: 'accounts',
    sound: account,
    wrong: [
      counter('debits_pending'),
      counter('debits_posted'),
      counter('credits_pending'),
      counter('credits_posted'),
      ['accounts_allowance_check', { allowance: -1, credits_posted: 1 }],
      ['accounts_shard_check', { shard: -1, main: randomUUID() }],
      ['accounts_check', { shard: 1 }],
      ['accounts_check', { main: randomUUID() }],
      ['accounts_debits_fit', { ...LIMITED, debits_posted: 60, debits_pending: 51 }],
      ['accounts_debits_fit', { ...LIMITED, debits_posted: 111 }],
      ['accounts_debits_fit', { ...LIMITED, debits_pending: 111 }],
      ['accounts_credits_fit', { ...FILLED, credits_posted: 60, credits_pending: 51 }],
      ['accounts_credits_fit', { ...FILLED, credits_posted: 111 }],
      ['accounts_credits_fit', { ...FILLED, credits_pending: 111 }],
    ],
  },
  {
    table: 'transfers',
    sound: transfer,
    wrong: [
      ['transfers_kind_check', { kind: 'gift', pending_id: randomUUID() }],
      ['transfers_check', { credit_account: transfer['debit_account'] ?? null }],
      ['transfers_amount_check', { amount: 0 }],
      ['transfers_check1', { kind: 'confirm' }],
      ['transfers_check1', { pending_id: randomUUID() }],
      ['transfers_check1', { kind: 'reserve', pending_id: randomUUID() }],
    ],
  },
  {
    table: 'holds',
    sound: { ledger: 1, id, debit_account: randomUUID(), credit_account: randomUUID(), amount: 1, subject: 'test' },
    wrong: [['holds_amount_check', { amount: 0 }]],
  },
  {
    table: 'payments',
    sound: payment,
    wrong: [
      ['payments_kind_check', { kind: 'gift' }],
      ['payments_status_check', { status: 'lost' }],
      ['payments_status_reason_check', { status: 'processing', status_reason: 'bored' }],
      ['payments_version_check', { version: 0 }],
      ['payments_amount_check', { amount: 0, fee: -1 }],
      ['payments_check', { fee: 100 }],
      ['payments_check', { fee: -1 }],
      ['payments_payer_fee_check', { payer_fee: -1 }],
      ['payments_captured_amount_check', { status: 'failed', captured_amount: -1, refunded_amount: -1 }],
      ['payments_source_type_check', { source_type: 'cheque' }],
      ['payments_capture_method_check', { capture_method: 'never' }],
      ['payments_refunds_fit', { refunded_amount: 101 }],
      ['payments_refunds_fit', { refunded_amount: -1 }],
      ['payments_refunds_fit', { refund_reserved: 1 }],
      ['payments_refunds_fit', { refund_reserved: -1 }],
      ['payments_check2', { captured_amount: 0, refunded_amount: 0 }],
      ['payments_status_reason_check2', { status_reason: 'awaiting_rail' }],
      ['payments_capture_check', { capture_requested: 0 }],
      ['payments_capture_check', { capture_requested: 101 }],
      ['payments_next_action_check', { next_action: '{}' }],
    ],
  },
  {
    table: 'attempts',
    sound: attempt,
    wrong: [
      ['attempts_operation_check', { operation: 'give' }],
      ['attempts_amount_check', { amount: 0 }],
      ['attempts_state_check', { state: 'lost' }],
      ['attempts_check', { dispatch_token: null }],
      ['attempts_step_check', { step: 'guess' }],
      ['attempts_asks_check', { asks: 'money' }],
      ['attempts_original_check', { original: '{}' }],
      ['attempts_original_check', { operation: 'refund' }],
    ],
  },
  {
    table: 'refunds',
    sound: refund,
    wrong: [
      ['refunds_amount_check', { amount: 0, fee: 0, fee_tax: 0 }],
      ['refunds_check', { fee: -1, fee_tax: -1 }],
      ['refunds_check', { fee: 101 }],
      ['refunds_fee_tax_check', { fee_tax: -1 }],
      ['refunds_tax_check', { fee_tax: 3 }],
      ['refunds_status_check', { status: 'lost' }],
      ['refunds_status_reason_check', { status_reason: 'bored' }],
      ['refunds_version_check', { version: 0 }],
      ['refunds_check1', { status: 'pending_funds', status_reason: 'awaiting_rail' }],
      ['refunds_check2', { status: 'failed' }],
      ['refunds_check2', { failure_code: 'not_executed' }],
    ],
  },
  {
    table: 'sources',
    sound: {
      id: 'src_lastline',
      user_id: 'usr_lastline',
      type: 'bank',
      rail: 'bank',
      bank: 'demo-bank',
      account: 'KE00',
      holder: 'A',
      currency: 'KES',
      label: 'x',
      status: 'active',
      created_at: NOW,
    },
    wrong: [
      ['sources_type_check', { type: 'sock' }],
      ['sources_status_check', { status: 'lost' }],
      ['sources_next_look_at_check', { next_look_at: NOW }],
    ],
  },
  {
    table: 'returns',
    sound: {
      rail: 'bank',
      evidence_id: 'last-line',
      payment: 'pay_lastline',
      no: 1,
      ledger: 1,
      amount: 1,
      reason: 'MD06',
      at: NOW,
    },
    wrong: [['returns_amount_check', { amount: 0 }]],
  },
  {
    table: 'evidence',
    sound: evidence,
    wrong: [
      ['evidence_kind_check', { kind: 'rumour' }],
      ['evidence_via_check', { via: 'hearsay' }],
      ['evidence_amount_check', { amount: 0 }],
      ['evidence_answer_check', { answer: 'perhaps' }],
      ['evidence_state_check', { state: 'lost' }],
      ['evidence_result_check', { result: 'lost', moved: null }],
      ['evidence_moved_check', { moved: 0 }],
      ['evidence_check', { state: 'open' }],
      ['evidence_check', { result: null, moved: null }],
      ['evidence_check1', { moved: null }],
      ['evidence_check1', { result: 'agreed' }],
    ],
  },
  {
    table: 'idempotency',
    sound: { scope: 'usr_lastline', key: 'k', content_hash: 'h', reply: '{}' },
    wrong: [
      ['idempotency_check', { reply: null }],
      ['idempotency_check', { lease_until: NOW }],
    ],
  },
  {
    table: 'feed_stream',
    sound: { epoch: 'e', stream_created_at: NOW },
    wrong: [['feed_stream_singleton_check', { singleton: false }]],
  },
  {
    table: 'sealed',
    sound: { position: 1, decided: 1, candidate: 1 },
    wrong: [
      ['sealed_singleton_check', { singleton: false }],
      ['sealed_check', { position: 2 }],
      ['sealed_check', { decided: 2 }],
    ],
  },
  {
    table: 'seals',
    sound: seal,
    wrong: [
      ['seals_no_check', { no: 0 }],
      ['seals_check', { last_position: 4 }],
      ['seals_count_check', { count: 0, entries: Buffer.alloc(0) }],
      ['seals_count_check', { count: 257, entries: Buffer.alloc(257 * 32) }],
      ['seals_check1', { entries: Buffer.alloc(64) }],
      ['seals_hash_check', { hash: Buffer.alloc(16) }],
    ],
  },
  {
    table: 'balance_checkpoints',
    sound: {
      account: id,
      position: 1,
      lines: 256,
      debits_pending: 0,
      debits_posted: 0,
      credits_pending: 0,
      credits_posted: 0,
    },
    wrong: [['balance_checkpoints_lines_check', { lines: 0 }]],
  },
  {
    table: 'followed_feeds',
    sound: { feed: 'mer_lastline' },
    wrong: [['followed_feeds_feed_check', { feed: 'usr_lastline' }]],
  },
  {
    table: 'pins',
    sound: { user_id: 'usr_lastline', secret: 's', version: 1 },
    wrong: [
      ['pins_version_check', { version: 0 }],
      ['pins_failures_check', { failures: -1 }],
    ],
  },
  {
    table: 'codes',
    sound: {
      device: 'dev_lastline',
      user_id: 'usr_lastline',
      number: '000000001',
      sealed: 's',
      version: 1,
      registered_at: NOW,
      untouched_count: 1,
      untouched_minor: 1,
      untouched_at: NOW,
    },
    wrong: [
      ['codes_number_check', { number: '1' }],
      ['codes_version_check', { version: 0 }],
      ['codes_untouched_count_check', { untouched_count: -1 }],
      ['codes_untouched_minor_check', { untouched_minor: -1 }],
      ['codes_check', { untouched_at: null }],
      ['codes_check', { untouched_count: 0 }],
    ],
  },
]
