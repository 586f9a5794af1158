import type {
  BalanceView,
  COMMANDS,
  CommandAnswer,
  CommandBody,
  CommandName,
  DeviceEvent,
  PaymentView,
  RefundView,
} from '../../src/contract/index.ts'
import { hasShape, type Shape } from './shape.ts'

export type { CommandAnswer, CommandBody, CommandName }

type Starred = { readonly [N in CommandName]: (typeof COMMANDS)[N]['starred'] }

/** Whether a command changes something and so carries an idempotency key; the contract's own table, without its schemas. */
export const STARRED: Starred = {
  'payment.get': false,
  'payment.list': false,
  'payment.resolve_qr': false,
  'payment.create': true,
  quote: false,
  'payment.confirm': true,
  'payment.cancel': true,
  'payment.respond': true,
  'payee.resolve': false,
  'transfer.create': true,
  'topup.create': true,
  'withdrawal.create': true,
  'source.options': false,
  'source.list': false,
  'source.link': true,
  'source.respond': true,
  'source.unlink': true,
  'wallet.balances': false,
  'limit.list': false,
  'device.list': false,
  'device.revoke': true,
  'device.approve': true,
  'pin.set': true,
  'code.register': true,
}

const PAYMENT: Shape = { id: 'string', version: 'number', status: 'string', amount: 'string', currency: 'string' }
const REFUND: Shape = { id: 'string', payment: 'string', version: 'number', status: 'string', amount: 'string' }
const BALANCE: Shape = { currency: 'string', available: 'string', pending: 'string' }
const SOURCE: Shape = { id: 'string', status: 'string' }
const DEVICE: Shape = { id: 'string', name: 'string', status: 'string' }
const LIST: Shape = { data: 'array' }

const ANSWERS: Readonly<Record<CommandName, Shape | readonly Shape[]>> = {
  'payment.get': PAYMENT,
  'payment.list': LIST,
  'payment.resolve_qr': [{ payment: 'object', claim: 'string' }, { offer: 'object' }],
  'payment.create': PAYMENT,
  quote: { payer_fee: 'string', total: 'string' },
  'payment.confirm': PAYMENT,
  'payment.cancel': PAYMENT,
  'payment.respond': PAYMENT,
  'payee.resolve': { user: 'string', masked_name: 'string' },
  'transfer.create': PAYMENT,
  'topup.create': PAYMENT,
  'withdrawal.create': PAYMENT,
  'source.options': { banks: 'array', operators: 'array' },
  'source.list': LIST,
  'source.link': SOURCE,
  'source.respond': SOURCE,
  'source.unlink': SOURCE,
  'wallet.balances': LIST,
  'limit.list': LIST,
  'device.list': LIST,
  'device.revoke': DEVICE,
  'device.approve': DEVICE,
  'pin.set': {},
  'code.register': { number: 'string', secret_jwe: 'string', step_s: 'number', no_touch_max: 'string' },
}

export function isAnswer<N extends CommandName>(name: N, body: unknown): body is CommandAnswer<N> {
  return [ANSWERS[name]].flat().some((shape) => hasShape(body, shape))
}

/** Whether this command answers with the user's own payment in its present state. */
export function answersPayment(name: CommandName): boolean {
  return ANSWERS[name] === PAYMENT
}

export function isPayment(body: unknown): body is PaymentView {
  return hasShape(body, PAYMENT)
}

export function isRefund(body: unknown): body is RefundView {
  return hasShape(body, REFUND)
}

export function isBalance(body: unknown): body is BalanceView {
  return hasShape(body, BALANCE)
}

export function isDevice(body: unknown): body is DeviceEvent {
  return hasShape(body, DEVICE)
}
