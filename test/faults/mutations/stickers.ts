import { broken, type Mutation } from '../../support/mutations/mutation.ts'

const TEST = 'test/e2e/contract.e2e.test.ts'

const create = broken('src/payments/commands/create.ts', TEST)
const qr = broken('src/payments/commands/qr.ts', TEST)

/** A store's sticker, and what a payer makes of it. */
export const STICKERS: readonly Mutation[] = [
  create('leaves a payment made at a sticker to whoever comes', 'payer: principal.user', 'payer: null'),
  create('believes a phone about whose a store is', 'body.store !== undefined && !(await', 'false && !(await'),
  qr(
    'believes a sticker about whose a store is',
    'store !== null && !(await ownsStore(deps, merchant, store))',
    'false',
  ),
  broken('src/payments/commands/create.ts', 'test/payments/stickers.pg.test.ts')(
    'lets one user make payments at stickers without end',
    'creations.take(principal.user)',
    'creations.take(crypto.randomUUID())',
  ),
]
