import {
  BalanceView,
  CLOSE,
  CapturePaymentBody,
  COMMANDS,
  CreatePaymentBody,
  CreateRefundBody,
  CreateStoreBody,
  ERROR_CODES,
  EnrolmentAnswer,
  DeviceView,
  EnrolmentBody,
  LimitView,
  ListPaymentsQuery,
  ListRefundsQuery,
  ListStoresQuery,
  MerchantPayment,
  NonceAnswer,
  PaymentList,
  PaymentView,
  RefundList,
  RefundView,
  SOCKET_LIMITS,
  SocketTokenAnswer,
  SocketTokenBody,
  SourceView,
  StoreList,
  StoreView,
  TokenAnswer,
  TokenBody,
  VerifyEnrolmentAnswer,
  VerifyEnrolmentBody,
  httpStatus,
  isRetryable,
  isStoredRefusal,
} from '../../src/contract/index.ts'
import { type Blocks, table } from './blocks.ts'
import { objectShape, shape } from './shape.ts'

/** The tables of docs/protocol.md, from the schemas that validate. */
export function protocolBlocks(): Blocks {
  return {
    commands: commands(),
    payment: payment(),
    objects: objects(),
    errors: errors(),
    closes: closes(),
    limits: limits(),
    rest: rest(),
  }
}

const code = (text: string) => `\`${text}\``

function commands(): string {
  return table(
    ['Command', 'Body', 'Answer'],
    Object.entries(COMMANDS).map(([name, { body, answer, starred }]) => [
      `${code(name)}${starred ? ' *' : ''}`,
      code(shape(body)),
      code(shape(answer)),
    ]),
  )
}

function payment(): string {
  const { status } = PaymentView.shape
  const statuses = status.options.map((option) => JSON.stringify(option)).join(' | ')
  return table(
    ['Field', ''],
    Object.entries(PaymentView.shape).map(([name, field]) => [
      code(name),
      code(field === status ? statuses : shape(field)),
    ]),
  )
}

function objects(): string {
  const named = { balance: BalanceView, source: SourceView, refund: RefundView, limit: LimitView, device: DeviceView }
  return table(
    ['Object', ''],
    Object.entries(named).map(([name, schema]) => [code(name), code(objectShape(schema))]),
  )
}

function errors(): string {
  const yes = (is: boolean) => (is ? 'yes' : '')
  return table(
    ['Code', 'HTTP', 'Retryable', 'Stored under the key'],
    ERROR_CODES.map((name) => {
      const statuses = new Set([httpStatus(name, 'path'), httpStatus(name, 'body')])
      return [code(name), [...statuses].join(' · '), yes(isRetryable(name)), yes(isStoredRefusal(name))]
    }),
  )
}

function closes(): string {
  const words = (name: string) => name.replaceAll(/([A-Z])/g, ' $1').toLowerCase()
  const what = (close: number) => {
    if (close < 4000) return 'mends its frames'
    return close < 4500 ? 'reconnect with backoff' : 'do not retry unchanged'
  }
  return table(
    ['Code', 'Name', 'The client'],
    Object.entries(CLOSE)
      .toSorted(([, a], [, b]) => a - b)
      .map(([name, close]) => [String(close), words(name), what(close)]),
  )
}

function limits(): string {
  return table(
    ['Limit', ''],
    Object.entries(SOCKET_LIMITS).map(([name, value]) => [code(name), String(value)]),
  )
}

function rest(): string {
  const query = (list: { shape: object }) => code(`?${Object.keys(list.shape).join(', ')}`)
  const routes: [string, string, string][] = [
    ['POST /v1/payments *', code(shape(CreatePaymentBody)), `201 ${code('payment')} with ${code(qr())}`],
    ['POST /v1/payments/{id}/capture *', code(shape(CapturePaymentBody)), `200 ${code('payment')}`],
    ['POST /v1/payments/{id}/cancel *', code('{}'), `200 ${code('payment')}`],
    ['GET /v1/payments/{id}', '', `200 ${code('payment')}`],
    ['GET /v1/payments', query(ListPaymentsQuery), `200 ${code(shape(PaymentList))}`],
    ['POST /v1/refunds *', code(shape(CreateRefundBody)), `201 ${code('refund')}`],
    ['GET /v1/refunds/{id}', '', `200 ${code('refund')}`],
    ['GET /v1/refunds', query(ListRefundsQuery), `200 ${code(shape(RefundList))}`],
    ['POST /v1/stores *', code(shape(CreateStoreBody)), `201 ${code(shape(StoreView))}`],
    ['GET /v1/stores/{id}', '', `200 ${code(shape(StoreView))}`],
    ['GET /v1/stores/{id}/qr.svg', '', '200, the sticker as `image/svg+xml`'],
    ['GET /v1/stores', query(ListStoresQuery), `200 ${code(shape(StoreList))}`],
    ['POST /v1/socket_tokens *', code(shape(SocketTokenBody)), `201 ${code(shape(SocketTokenAnswer))}`],
    ['POST /v1/nonces', '', `201 ${code(shape(NonceAnswer))}`],
    ['POST /v1/enrolments', code(shape(EnrolmentBody)), `201 ${code(shape(EnrolmentAnswer))}`],
    ['POST /v1/enrolments/{id}/verify', code(shape(VerifyEnrolmentBody)), `200 ${code(shape(VerifyEnrolmentAnswer))}`],
    ['POST /v1/tokens', code(shape(TokenBody)), `200 ${code(shape(TokenAnswer))}`],
  ]
  return table(
    ['Route', 'Body', 'Answer'],
    routes.map(([route, body, answer]) => [
      code(route.replace(' *', '')) + (route.endsWith('*') ? ' *' : ''),
      body,
      answer,
    ]),
  )
}

function qr(): string {
  return `qr: ${shape(MerchantPayment.shape.qr)}`
}
