import {
  EnrolmentId,
  ListPaymentsQuery,
  ListRefundsQuery,
  ListStoresQuery,
  PaymentId,
  RefundId,
  StoreId,
} from '../contract/index.ts'
import { PROBLEM_TYPE } from './problem.ts'
import { componentSchemas, queryParameters, ref, schemaOf, type JsonSchema, type SchemaName } from './schemas.ts'

/** What is wrong, by status (protocol.md §2, Errors). */
const PROBLEMS: Readonly<Record<number, string>> = {
  400: 'Ill-formed: `invalid_request` with `param` as a JSON pointer, or `idempotency_key_missing`.',
  401: '`unauthenticated`: no key, not one of ours, or a proof that does not hold.',
  402: '`insufficient_funds`.',
  403: '`forbidden`.',
  404: '`not_found`: nothing of yours has this id.',
  409: 'The state forbids it: `in_flight` (try again after Retry-After), `order_ref_in_use` (with `payment`), `payment_not_capturable`, `payment_not_cancelable`.',
  413: 'The body has more than 64 KiB.',
  415: 'The body is not application/json.',
  422: 'Refused: the code says why (`amount_too_small`, `idempotency_key_reused`, `otp_wrong`, …).',
  429: '`rate_limited`: try again after Retry-After.',
  500: '`internal`.',
  503: '`temporarily_unavailable` or `overloaded`: try again after Retry-After.',
}

const EVERYWHERE = [413, 415, 429, 500, 503]
const RETRY_AFTER = new Set([409, 429, 503])

const requestIdHeader = { 'X-Request-Id': { $ref: '#/components/headers/XRequestId' } }
const rateHeaders = {
  RateLimit: { $ref: '#/components/headers/RateLimit' },
  'RateLimit-Policy': { $ref: '#/components/headers/RateLimitPolicy' },
}

function answer(description: string, schema: SchemaName, headers: JsonSchema = {}): JsonSchema {
  return {
    description,
    headers: { ...requestIdHeader, ...headers },
    content: { 'application/json': { schema: ref(schema) } },
  }
}

function problems(...statuses: number[]): Record<string, JsonSchema> {
  const all = [...statuses, ...EVERYWHERE].toSorted((a, b) => a - b)
  return Object.fromEntries(all.map((status) => [String(status), { $ref: `#/components/responses/Problem${status}` }]))
}

function problemResponse(status: number, description: string): JsonSchema {
  const retry = RETRY_AFTER.has(status) ? { 'Retry-After': { $ref: '#/components/headers/RetryAfter' } } : {}
  return {
    description,
    headers: { ...requestIdHeader, ...retry },
    content: { [PROBLEM_TYPE]: { schema: ref('Problem') } },
  }
}

function body(schema: SchemaName): JsonSchema {
  return { required: true, content: { 'application/json': { schema: ref(schema) } } }
}

function idParameter(description: string, schema: JsonSchema): JsonSchema {
  return { name: 'id', in: 'path', required: true, description, schema }
}

const replayed = { 'Idempotency-Replayed': { $ref: '#/components/headers/IdempotencyReplayed' } }

/** A POST about one payment. */
function onHeld(request: SchemaName, what: string): JsonSchema {
  return {
    parameters: [
      idParameter('The payment’s id.', schemaOf(PaymentId)),
      { $ref: '#/components/parameters/IdempotencyKey' },
    ],
    requestBody: { ...body(request), required: false },
    responses: {
      200: answer(what, 'Payment', { ...replayed, ...rateHeaders }),
      ...problems(400, 401, 403, 404, 409, 422),
    },
  }
}

const paymentPaths = {
  '/payments': {
    post: {
      operationId: 'createPayment',
      tags: ['Payments'],
      summary: 'Ask for a payment',
      description: 'Show `qr.payload` as a QR code; the payer’s phone resolves and confirms it.',
      parameters: [{ $ref: '#/components/parameters/IdempotencyKey' }],
      requestBody: body('CreatePayment'),
      responses: {
        201: answer('The payment, waiting for its payer.', 'Payment', { ...replayed, ...rateHeaders }),
        ...problems(400, 401, 402, 403, 409, 422),
      },
    },
    get: {
      operationId: 'listPayments',
      tags: ['Payments'],
      summary: 'List payments, newest first',
      parameters: queryParameters(ListPaymentsQuery),
      responses: { 200: answer('A page of payments.', 'PaymentList', rateHeaders), ...problems(400, 401, 403, 422) },
    },
  },
  '/payments/{id}': {
    get: {
      operationId: 'getPayment',
      tags: ['Payments'],
      summary: 'Read a payment',
      parameters: [idParameter('The payment’s id.', schemaOf(PaymentId))],
      responses: { 200: answer('The payment as it is now.', 'Payment', rateHeaders), ...problems(400, 401, 403, 404) },
    },
  },
  '/payments/{id}/capture': {
    post: {
      operationId: 'capturePayment',
      tags: ['Payments'],
      summary: 'Capture what is held, or part of it',
      description:
        'For a payment with `capture_method: manual` that `requires_capture`. What is held in a wallet can be captured ' +
        'in part, and the rest is released; on a phone bill it is all or nothing. From a wallet the answer is final; ' +
        'an operator’s comes with the payment’s next version.',
      ...onHeld('CapturePayment', 'The payment as it stands: captured, or being captured.'),
    },
  },
  '/payments/{id}/cancel': {
    post: {
      operationId: 'cancelPayment',
      tags: ['Payments'],
      summary: 'Cancel a payment that has not moved money',
      description: 'What is held is released. Once its money may be moving a payment can no longer be canceled.',
      ...onHeld('CancelPayment', 'The payment as it stands: canceled, or its reservation being given back.'),
    },
  },
}

const refundPaths = {
  '/refunds': {
    post: {
      operationId: 'createRefund',
      tags: ['Refunds'],
      summary: 'Give a payment back, whole or in part',
      description:
        'It goes back to where the payment came from. `pending_funds` waits until you have the money, at most 7 days. ' +
        '`amount_exceeds_refundable`: less is left of the payment.',
      parameters: [{ $ref: '#/components/parameters/IdempotencyKey' }],
      requestBody: body('CreateRefund'),
      responses: {
        201: answer('The refund, done or on its way.', 'Refund', { ...replayed, ...rateHeaders }),
        ...problems(400, 401, 402, 403, 409, 422),
      },
    },
    get: {
      operationId: 'listRefunds',
      tags: ['Refunds'],
      summary: 'List refunds, newest first',
      parameters: queryParameters(ListRefundsQuery),
      responses: { 200: answer('A page of refunds.', 'RefundList', rateHeaders), ...problems(400, 401, 403, 422) },
    },
  },
  '/refunds/{id}': {
    get: {
      operationId: 'getRefund',
      tags: ['Refunds'],
      summary: 'Read a refund',
      parameters: [idParameter('The refund’s id.', schemaOf(RefundId))],
      responses: { 200: answer('The refund as it is now.', 'Refund', rateHeaders), ...problems(400, 401, 403, 404) },
    },
  },
}

const storePaths = {
  '/stores': {
    post: {
      operationId: 'createStore',
      tags: ['Stores'],
      summary: 'Open a store',
      description: 'Name it in `store` of a payment; a socket can hear of one store alone.',
      parameters: [{ $ref: '#/components/parameters/IdempotencyKey' }],
      requestBody: body('CreateStore'),
      responses: {
        201: answer('The store.', 'Store', { ...replayed, ...rateHeaders }),
        ...problems(400, 401, 403, 409, 422),
      },
    },
    get: {
      operationId: 'listStores',
      tags: ['Stores'],
      summary: 'List stores, newest first',
      parameters: queryParameters(ListStoresQuery),
      responses: { 200: answer('A page of stores.', 'StoreList', rateHeaders), ...problems(400, 401, 403, 422) },
    },
  },
  '/stores/{id}': {
    get: {
      operationId: 'getStore',
      tags: ['Stores'],
      summary: 'Read a store',
      parameters: [idParameter('The store’s id.', schemaOf(StoreId))],
      responses: { 200: answer('The store.', 'Store', rateHeaders), ...problems(400, 401, 403, 404) },
    },
  },
  '/stores/{id}/qr.svg': {
    get: {
      operationId: 'getStoreQr',
      tags: ['Stores'],
      summary: 'Print the sticker of a store',
      description:
        'A QR code that stays good: whoever scans it says how much, and pays the store. Print it with its white border.',
      parameters: [idParameter('The store’s id.', schemaOf(StoreId))],
      responses: {
        200: {
          description: 'The code as a picture.',
          headers: { ...requestIdHeader, ...rateHeaders },
          content: { 'image/svg+xml': { schema: { type: 'string' } } },
        },
        ...problems(400, 401, 403, 404),
      },
    },
  },
  '/socket_tokens': {
    post: {
      operationId: 'createSocketToken',
      tags: ['Stores'],
      summary: 'Get a token for a socket of yours',
      description:
        'It opens `/v1/socket` at the edge, without a proof, and hears of every payment and refund of one store, or ' +
        'without `store` of all. It does nothing else, so it may be given to a till.',
      parameters: [{ $ref: '#/components/parameters/IdempotencyKey' }],
      requestBody: body('CreateSocketToken'),
      responses: {
        201: answer('The token; it ends with the secret key it was asked for with.', 'SocketToken', {
          ...replayed,
          ...rateHeaders,
        }),
        ...problems(400, 401, 403, 409, 422),
      },
    },
  },
}

const phonePaths = {
  '/nonces': {
    post: {
      operationId: 'createNonce',
      tags: ['Phones'],
      summary: 'Get a nonce to sign',
      security: [],
      responses: { 201: answer('A nonce, good for one use within minutes.', 'Nonce'), ...problems(400) },
    },
  },
  '/enrolments': {
    post: {
      operationId: 'createEnrolment',
      tags: ['Phones'],
      summary: 'Have a one-time password sent to a number',
      security: [],
      requestBody: body('Enrolment'),
      responses: { 201: answer('The password is on its way by SMS.', 'EnrolmentBegun'), ...problems(400) },
    },
  },
  '/enrolments/{id}/verify': {
    post: {
      operationId: 'verifyEnrolment',
      tags: ['Phones'],
      summary: 'Prove number and key, and become a device',
      description: 'Safe to repeat: the same password by the same key gets the same device.',
      security: [],
      parameters: [idParameter('The enrolment’s id.', schemaOf(EnrolmentId))],
      requestBody: body('VerifyEnrolment'),
      responses: { 200: answer('The user and the device.', 'Enrolled'), ...problems(400, 401, 403, 404, 409, 422) },
    },
  },
  '/tokens': {
    post: {
      operationId: 'createToken',
      tags: ['Phones'],
      summary: 'Get an access token for the socket',
      security: [],
      requestBody: body('Token'),
      responses: { 200: answer('A token bound to the device’s key.', 'AccessToken'), ...problems(400, 401) },
    },
  },
}

/** The OpenAPI 3.1 document of `/v1`. */
export function openApiDocument(): Record<string, unknown> {
  const text = (description: string, schema: JsonSchema = { type: 'string' }) => ({ description, schema })
  return {
    openapi: '3.1.0',
    info: {
      title: 'Mooring',
      version: '1.0.0',
      description:
        'Amounts are decimal strings of integer minor units with an ISO 4217 currency. Times are RFC 3339 UTC with ' +
        'milliseconds. Ids are opaque. Unknown fields in requests are errors; ignore unknown fields in answers.',
    },
    servers: [{ url: '/v1' }],
    security: [{ secretKey: [] }],
    tags: [
      { name: 'Payments', description: 'For merchants’ servers.' },
      { name: 'Refunds', description: 'For merchants’ servers.' },
      { name: 'Stores', description: 'For merchants’ servers, and their tills’ sockets.' },
      { name: 'Phones', description: 'Sign-up and tokens; all else of a phone goes over the socket.' },
    ],
    paths: { ...paymentPaths, ...refundPaths, ...storePaths, ...phonePaths },
    components: {
      schemas: componentSchemas(),
      securitySchemes: {
        secretKey: {
          type: 'http',
          scheme: 'bearer',
          description: 'A merchant’s secret key: `sk_test_…` or `sk_live_…`.',
        },
      },
      parameters: {
        IdempotencyKey: {
          name: 'Idempotency-Key',
          in: 'header',
          required: true,
          description: 'New for each request, the same for its retries: the first answer comes again. Quoted or bare.',
          schema: { type: 'string', pattern: '^("[A-Za-z0-9_-]{16,64}"|[A-Za-z0-9_-]{16,64})$' },
        },
      },
      headers: {
        XRequestId: text('Name it when you ask us about a request.'),
        RetryAfter: text('Seconds to wait before the next try.', { type: 'integer', minimum: 1 }),
        IdempotencyReplayed: text('`true` where this is the stored first answer.', { type: 'string', const: 'true' }),
        RateLimit: text('What is left of the policy (IETF draft ratelimit-headers).'),
        RateLimitPolicy: text('How many requests a window of seconds may hold.'),
      },
      responses: Object.fromEntries(
        Object.entries(PROBLEMS).map(([status, why]) => [`Problem${status}`, problemResponse(Number(status), why)]),
      ),
    },
  }
}
