import { COMMANDS, type CommandName } from '../../contract/index.ts'
import { ok } from '../../domain/result.ts'
import type { PaymentDeps } from '../deps.ts'
import { Buckets, type Rate } from '../../domain/rate.ts'
import { decideCancel } from './cancel.ts'
import { decideConfirm } from './confirm.ts'
import { decidePaymentCreate } from './create.ts'
import { linkSource } from './link.ts'
import { decideSourceRespond, decideUnlink } from './linked.ts'
import { decideRespond } from './respond.ts'
import { balancesOf, getPayment, limitList, listPayments, listSources, quote, sourceOptions } from './look.ts'
import { decideTopup, decideTransfer, decideWithdrawal } from './own-money.ts'
import { resolvePayee } from './payee.ts'
import { decideRegisterCode } from './register-code.ts'
import { type Respond, phoneChange, phoneRead } from './pipeline.ts'
import { resolveQr } from './qr.ts'
import { trustCommands } from './trust.ts'

export { decideAndApply, guarded, partsOf, storedAnswer, type Decision, type Respond } from './pipeline.ts'
export { balancesOf } from './look.ts'
export { decideByCode } from './pay-by-code.ts'

/** Numbers a user may look up: bursts of 20, then one every 3 s. */
const PAYEE_LOOKUPS = { perSecond: 1 / 3, burst: 20 }
/** Payments a user may make at stickers: they cost no money, and their merchants are told of each. */
const CREATIONS = { perSecond: 5, burst: 600 }
/** Looks at a bank that the user of an account may bring forward: one at once, then one every 5 s. */
const SOURCE_LOOKS = { perSecond: 1 / 5, burst: 1 }
/** Users, or accounts, that are counted; the least used one is forgotten, that is full again. */
const COUNTED = 100_000

/** Every command of the phone, by its name on the wire. */
export function phoneCommands(deps: PaymentDeps): Readonly<Record<CommandName, Respond>> {
  const buckets = (rate: Rate) => new Buckets(rate, COUNTED, () => deps.clock.monotonic())
  const [lookups, creations, looks] = [buckets(PAYEE_LOOKUPS), buckets(CREATIONS), buckets(SOURCE_LOOKS)]
  return {
    'payment.get': phoneRead(deps, COMMANDS['payment.get'].body, ({ user }, { payment }) =>
      getPayment(deps, user, payment),
    ),
    'payment.list': phoneRead(deps, COMMANDS['payment.list'].body, ({ user }, body) => listPayments(deps, user, body)),
    'payment.resolve_qr': phoneRead(deps, COMMANDS['payment.resolve_qr'].body, ({ user }, { payload }) =>
      resolveQr(deps, user, payload),
    ),
    'payment.create': phoneChange(deps, 'payment.create', COMMANDS['payment.create'].body, (command) =>
      decidePaymentCreate(deps, creations, command),
    ),
    quote: phoneRead(deps, COMMANDS.quote.body, ({ user }, body) => quote(deps, user, body)),
    'payment.confirm': phoneChange(deps, 'payment.confirm', COMMANDS['payment.confirm'].body, (command) =>
      decideConfirm(deps, command),
    ),
    'payment.cancel': phoneChange(deps, 'payment.cancel', COMMANDS['payment.cancel'].body, (command) =>
      decideCancel(deps, command),
    ),
    'payment.respond': phoneChange(deps, 'payment.respond', COMMANDS['payment.respond'].body, (command) =>
      decideRespond(deps, command),
    ),
    'payee.resolve': phoneRead(deps, COMMANDS['payee.resolve'].body, ({ user }, { phone }) =>
      resolvePayee(deps, lookups, user, phone),
    ),
    'transfer.create': phoneChange(deps, 'transfer.create', COMMANDS['transfer.create'].body, (command) =>
      decideTransfer(deps, command),
    ),
    'topup.create': phoneChange(deps, 'topup.create', COMMANDS['topup.create'].body, (command) =>
      decideTopup(deps, command),
    ),
    'withdrawal.create': phoneChange(deps, 'withdrawal.create', COMMANDS['withdrawal.create'].body, (command) =>
      decideWithdrawal(deps, command),
    ),
    'source.options': phoneRead(deps, COMMANDS['source.options'].body, () => Promise.resolve(ok(sourceOptions(deps)))),
    'source.list': phoneRead(deps, COMMANDS['source.list'].body, ({ user }) => listSources(deps, user)),
    'source.link': linkSource(deps),
    'source.respond': phoneChange(deps, 'source.respond', COMMANDS['source.respond'].body, (command) =>
      decideSourceRespond(deps, looks, command),
    ),
    'source.unlink': phoneChange(deps, 'source.unlink', COMMANDS['source.unlink'].body, (command) =>
      decideUnlink(deps, command),
    ),
    'wallet.balances': phoneRead(deps, COMMANDS['wallet.balances'].body, async ({ user }) =>
      ok({ data: await balancesOf(deps.sql, user, deps.rules.currency) }),
    ),
    ...trustCommands(deps),
    'limit.list': phoneRead(deps, COMMANDS['limit.list'].body, ({ user }) => limitList(deps, user)),
    'code.register': phoneChange(deps, 'code.register', COMMANDS['code.register'].body, (command) =>
      decideRegisterCode(deps, command),
    ),
  }
}
