import { afterAll, beforeAll, describe } from 'vitest'
import { claims } from './contract/claims.ts'
import { expiry, watchExpiry } from './contract/expiry.ts'
import { held } from './contract/held.ts'
import { idempotency } from './contract/idempotency.ts'
import { merchantSockets } from './contract/merchant-sockets.ts'
import { money } from './contract/money.ts'
import { operators } from './contract/operators.ts'
import { order } from './contract/order.ts'
import { restHttp } from './contract/rest-http.ts'
import { restPayments } from './contract/rest-payments.ts'
import { restSignUp } from './contract/rest-sign-up.ts'
import { shapes } from './contract/shapes.ts'
import { signatures } from './contract/signatures.ts'
import { sockets } from './contract/sockets.ts'
import { sources } from './contract/sources.ts'
import { stickers } from './contract/stickers.ts'
import { trust } from './contract/trust.ts'
import { openStage, type Stage } from './support/raw-stage.ts'

/**
 * What a client that follows protocol.md by its letter may rely on when it, or
 * somebody else, does something wrong: the exact code, and nothing changed. One
 * stack for all parts.
 */

let opened: { stage: Stage; close: () => Promise<void> }
let watching: ReturnType<typeof watchExpiry>
const stage = () => opened.stage

beforeAll(async () => {
  opened = await openStage()
  watching = watchExpiry(opened.stage)
  // Its own test says what came of it.
  watching.catch(() => undefined)
})
afterAll(() => opened.close())

describe('the shape of a command', () => shapes(stage))
describe('what a phone signs', () => signatures(stage))
describe('a key used again', () => idempotency(stage))
describe('two faults at once', () => order(stage))
describe('whose payment it is', () => claims(stage))
describe('money', () => money(stage))
describe('what is held, and what waits for somebody', () => held(stage))
describe('phone bills and mobile money', () => operators(stage))
describe('accounts, payees and lists', () => sources(stage))
describe('a socket', () => sockets(stage))
describe("a merchant's socket", () => merchantSockets(stage))
describe('a sticker', () => stickers(stage))
describe("a merchant's payments", () => restPayments(stage))
describe('HTTP', () => restHttp(stage))
describe('devices and PIN', () => trust(stage))
describe('sign-up and tokens', () => restSignUp(stage))
describe('a bill past its time', () => expiry(stage, () => watching))
