import { ids } from './books.ts'

/** Columns of a payment, an attempt and a linked account, as units give them to the ledger; each a new one. */

export const PAST = '2020-01-01T00:00:00.000Z'
export const AHEAD = '2100-01-01T00:00:00.000Z'

type Given = Record<string, string | number>

export function paymentColumns(ledger: number, more: Given = {}) {
  return {
    id: ids.make('pay'),
    ledger,
    kind: 'purchase',
    status: 'requires_confirmation',
    version: 1,
    amount: '100',
    currency: 'KES',
    fee: '0',
    payer_fee: '0',
    captured_amount: '0',
    refund_reserved: '0',
    refunded_amount: '0',
    payee: 'mer_guards',
    payee_name: 'M',
    merchant: 'mer_guards',
    capture_method: 'automatic',
    metadata: {},
    created_at: PAST,
    updated_at: PAST,
    ...more,
  }
}

export function attemptColumns(ledger: number, payment: string, state: string) {
  return {
    payment,
    no: 1,
    ledger,
    rail: 'bank',
    operation: 'collect',
    reference: ids.uuid(),
    uetr: ids.uuid(),
    amount: '100',
    currency: 'KES',
    account: 'KE00',
    account_holder: 'A',
    description: 'x',
    step: 'submit',
    state,
    sends: 0,
    inquiries: 0,
    dispatch_token: ids.uuid(),
    updated_at: PAST,
  }
}

export function sourceColumns(more: Given = {}) {
  return {
    id: ids.make('src'),
    user_id: 'usr_guards',
    type: 'bank',
    rail: 'bank',
    bank: 'demo-bank',
    account: 'KE77',
    holder: 'A',
    currency: 'KES',
    label: 'x',
    status: 'active',
    created_at: PAST,
    ...more,
  }
}
