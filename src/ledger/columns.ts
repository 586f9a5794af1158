/**
 * What a unit writes of the rows beside its transfers, by member of a branch: closed lists, the same as those that
 * `apply_units` sets and the tables have, so that nothing a unit says is dropped in silence.
 */

/** What may change of a payment that is there; everything else is as it was born. */
const PAYMENT = [
  'status',
  'status_reason',
  'version',
  'fee',
  'captured_amount',
  'refund_reserved',
  'refunded_amount',
  'capture_requested',
  'cancel_requested_at',
  'next_action',
  'recovery',
  'dispute',
  'payer',
  'payer_fee',
  'source_type',
  'source_id',
  'source_label',
  'failure_code',
  'failure_message',
  'updated_at',
  'expires_at',
  'accepted_at',
  'start_by',
  'started_at',
] as const

const ATTEMPT = [
  'step',
  'state',
  'asks',
  'input',
  'memo',
  'dispatch_token',
  'dispatched_at',
  'sends',
  'inquiries',
  'next_look_at',
  'failure_code',
  'failure_message',
  'evidence',
  'rail_reference',
  'updated_at',
] as const

export const COLUMNS = {
  payment: PAYMENT,
  new_payment: [
    ...PAYMENT,
    'id',
    'ledger',
    'kind',
    'amount',
    'currency',
    'fee_plan',
    'payee',
    'payee_name',
    'merchant',
    'store',
    'capture_method',
    'order_ref',
    'description',
    'metadata',
    'qr_token',
    'created_at',
  ],
  attempt: ATTEMPT,
  new_attempt: [
    ...ATTEMPT,
    'payment',
    'no',
    'ledger',
    'rail',
    'operation',
    'reference',
    'uetr',
    'amount',
    'currency',
    'account',
    'account_holder',
    'mandate_id',
    'mandate_signed_on',
    'description',
    'merchant',
    'merchant_name',
    'original',
  ],
  /** Always the whole row: it is inserted, or takes the place of the one that is there. */
  refund: [
    'id',
    'ledger',
    'payment',
    'merchant',
    'amount',
    'currency',
    'fee',
    'fee_tax',
    'reason',
    'status',
    'status_reason',
    'version',
    'failure_code',
    'failure_message',
    'created_at',
    'updated_at',
  ],
  /** What was made of evidence that is there, named by its id. */
  evidence: ['id', 'state', 'result', 'moved'],
  return: ['rail', 'evidence_id', 'payment', 'no', 'ledger', 'amount', 'reason', 'at'],
  source: [
    'id',
    'user_id',
    'type',
    'rail',
    'bank',
    'account',
    'holder',
    'currency',
    'label',
    'status',
    'mandate_id',
    'mandate_signed_on',
    'mandate_reference',
    'inquiries',
    'next_look_at',
    'created_at',
  ],
  /** All of them, of a source that is there. */
  source_change: ['status', 'mandate_id', 'mandate_signed_on', 'inquiries', 'next_look_at'],
  /** Of the device by which the unit is guarded. */
  device_change: ['status', 'restricted_until'],
  /** Of the user by whose PIN the unit is guarded. */
  pin: ['secret', 'version'],
  /** Of the device by which the unit is guarded: always the whole row, but for when a payment was last signed there. */
  code: [
    'user_id',
    'number',
    'sealed',
    'version',
    'registered_at',
    'untouched_count',
    'untouched_minor',
    'untouched_at',
  ],
} as const

export type RowOf = keyof typeof COLUMNS

/** Column values by name, as JSON; what is not named stays, and is null in a row that is born. */
export type Columns<Row extends RowOf> = {
  readonly [Name in (typeof COLUMNS)[Row][number]]?: string | number | boolean | null | object
}

const NAMES: Readonly<Record<RowOf, ReadonlySet<string>>> = {
  payment: new Set(COLUMNS.payment),
  new_payment: new Set(COLUMNS.new_payment),
  attempt: new Set(COLUMNS.attempt),
  new_attempt: new Set(COLUMNS.new_attempt),
  refund: new Set(COLUMNS.refund),
  return: new Set(COLUMNS.return),
  evidence: new Set(COLUMNS.evidence),
  source: new Set(COLUMNS.source),
  source_change: new Set(COLUMNS.source_change),
  device_change: new Set(COLUMNS.device_change),
  pin: new Set(COLUMNS.pin),
  code: new Set(COLUMNS.code),
}

/** @throws TypeError for a column that would not be written; where the types were got around */
export function assertWritten(row: RowOf, columns: object): void {
  const names = NAMES[row]
  for (const name in columns) if (!names.has(name)) throw new TypeError(`a unit cannot write ${name} of its ${row}`)
}
