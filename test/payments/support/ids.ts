import { randomBytes } from 'node:crypto'
import { makeIds } from '../../../src/domain/ids.ts'
import { makeClaims, makePaymentIds, type PaymentIds } from '../../../src/payments/index.ts'

/** Ids as a hub makes them, with a claim key of the test's own. */
export const paymentIds = (): PaymentIds => makePaymentIds(makeIds(Date.now, randomBytes), makeClaims(randomBytes(32)))
