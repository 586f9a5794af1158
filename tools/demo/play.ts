import type { FailureCode, PaymentStatus } from '../../src/contract/names.ts'
import type { PaymentView } from '../../src/contract/index.ts'
import { isTerminal } from '../../clients/mobile/index.ts'
import { feeMinor } from '../../src/domain/fee.ts'
import { attemptReference } from '../../src/domain/ids.ts'
import { bankBook, type MerchantServer } from './http.ts'
import { Surprise, type Patience } from './patience.ts'
import { asSurprise, type Phone } from './phone.ts'
import { checked, money, remark, status } from './screen.ts'
import type { Stack } from './stack.ts'

/** running.md: demo merchants pay 150 basis points. */
const DEMO_FEE = { basisPoints: 150n, fixedMinor: 0n }
/** How often a payment that a killed process brought to an honest end is made anew. */
const TRIES = 4

/** One payment of the story: how it is made, and everything that must be true when it has ended. */
export type Scene = {
  payer: Phone
  amountMinor: bigint
  /** Confirms or creates the payment; its first state. `began` starts the clock. */
  start: (began: () => void) => Promise<PaymentView>
  end: { status: 'succeeded' } | { status: 'failed'; code: FailureCode }
  /** What the bank does, where it takes part. */
  bank?: { operation: 'collect' | 'payOut'; account: string }
  merchant?: MerchantServer
  /** Changes of wallets, minor units, where it succeeds. */
  wallets: { phone: Phone; changeMinor: bigint }[]
  /** The outcome is not known at once, and the phone must say so. */
  awaitsRail?: boolean
}

/** Plays one scene and checks its end on every side; throws a Surprise at the first thing amiss. */
export async function play(stack: Stack, patience: Patience, scene: Scene): Promise<PaymentView> {
  for (let n = 1; ; n++) {
    const pidsBefore = stack.pids()
    const { payment, awaited } = await follow(patience, scene)
    const disturbed = stack.pids() !== pidsBefore
    if (isAsExpected(payment, scene)) {
      if (scene.awaitsRail === true && !awaited && !disturbed) {
        throw new Surprise(`${payment.id} ended ${payment.status} without ever having waited for the bank.`)
      }
      await checkAll(stack, patience, scene, payment)
      return payment
    }
    if (!disturbed || n === TRIES || !isHonestEnd(payment)) throw unexpectedEnd(payment, scene)
    await checkBook(stack, patience, payment, undefined)
    remark(`a process was killed meanwhile: the payment ended ${describe(payment)}, nothing moved; once more`)
  }
}

async function follow(patience: Patience, scene: Scene): Promise<{ payment: PaymentView; awaited: boolean }> {
  const { client, name } = scene.payer
  let began = performance.now()
  const starting = scene.start(() => {
    began = performance.now()
  })
  const first = await patience.within(`${name}'s command to be answered`, starting).catch((error: unknown) => {
    throw asSurprise(`${name}'s payment was refused`, error)
  })
  let last = first
  let awaited = false
  const versions = client.payment(first.id)
  for (;;) {
    const next = await patience.within(`${first.id} to go on from ${describe(last)}`, versions.next())
    if (next.done === true) break
    last = next.value
    awaited ||= last.status_reason === 'awaiting_rail'
    const tone = last.status === 'succeeded' ? 'good' : isTerminal(last.status) ? 'bad' : 'waiting'
    status(performance.now() - began, describe(last), scene.end.status === 'failed' && tone === 'bad' ? 'good' : tone)
  }
  return { payment: last, awaited }
}

function isAsExpected(payment: PaymentView, { end }: Scene): boolean {
  if (payment.status !== end.status) return false
  return end.status === 'succeeded' ? payment.failure === null : payment.failure?.code === end.code
}

/** Ends that a killed bank or hub may rightly bring: known not to have been executed, or too late to begin. */
function isHonestEnd({ status: at, failure }: PaymentView): boolean {
  if (at === 'expired') return true
  return at === 'failed' && (failure?.code === 'not_executed' || failure?.code === 'rail_unavailable')
}

async function checkAll(stack: Stack, patience: Patience, scene: Scene, payment: PaymentView): Promise<void> {
  checkPayment(payment, scene)
  const succeeded = payment.status === 'succeeded'
  await checkBook(stack, patience, payment, succeeded ? scene.bank : undefined)
  if (scene.merchant !== undefined) await checkMerchant(scene.merchant, payment)
  if (succeeded) for (const { phone, changeMinor } of scene.wallets) phone.walletMinor += changeMinor
  for (const { phone } of scene.wallets) await checkWallet(patience, phone, payment.currency)
}

function checkPayment(payment: PaymentView, { amountMinor }: Scene): void {
  if (payment.amount !== String(amountMinor)) {
    throw new Surprise(`${payment.id} is over ${payment.amount}, not over ${amountMinor}.`)
  }
  if (payment.status_reason !== null) {
    throw new Surprise(`${payment.id} has ended and still says ${payment.status_reason}.`)
  }
  if (payment.fee !== undefined) throw new Surprise(`${payment.id} shows the payer its merchant's fee.`)
}

/** The bank's own book: exactly one movement where one was to be, none where not. */
async function checkBook(stack: Stack, patience: Patience, payment: PaymentView, bank: Scene['bank']): Promise<void> {
  const references = (['collect', 'payOut'] as const).map((operation) => attemptReference(payment.id, operation, 1))
  const books = await Promise.all(references.map((reference) => bankBook(patience, stack.dev.sim.bank, reference)))
  const lines = books.flat()
  if (bank === undefined) {
    if (lines.length > 0) throw new Surprise(`The bank's book moved money for ${payment.id}: ${JSON.stringify(lines)}.`)
    checked('the bank moved nothing')
    return
  }
  const reference = attemptReference(payment.id, bank.operation, 1)
  const [only, ...others] = lines
  const right =
    only?.reference === reference &&
    only.operation === bank.operation &&
    only.effect === 'moved' &&
    only.amount === payment.amount &&
    only.currency === payment.currency &&
    only.account === bank.account
  if (!right || others.length > 0) {
    throw new Surprise(
      `The bank's book should show ${reference} moved exactly once, and shows ${JSON.stringify(lines)}.`,
    )
  }
  checked(`the bank moved it once: ${reference}`)
}

async function checkMerchant(merchant: MerchantServer, payment: PaymentView): Promise<void> {
  const seen = await merchant.readPayment(payment.id)
  if (seen.status !== payment.status || seen.version < payment.version) {
    throw new Surprise(`${merchant.name} reads ${payment.id} as ${describe(seen)}, the phone as ${describe(payment)}.`)
  }
  if (payment.status !== 'succeeded') {
    checked(`${merchant.name} sees ${describe(seen)}`)
    return
  }
  const dueMinor = feeMinor(BigInt(payment.amount), DEMO_FEE)
  if (seen.fee !== String(dueMinor) || seen.captured_amount !== payment.amount) {
    throw new Surprise(`${merchant.name} should pay ${dueMinor} on ${payment.id}; it reads ${JSON.stringify(seen)}.`)
  }
  checked(`${merchant.name} sees succeeded, and pays a fee of ${money(dueMinor, payment.currency)}`)
}

/** The balance as pushed to the phone, and as asked for, both exact. */
async function checkWallet(patience: Patience, phone: Phone, currency: string): Promise<void> {
  const expected = String(phone.walletMinor)
  const shown = () => phone.client.balances.get(currency)?.available ?? '0'
  const what = `${phone.name}'s wallet to show ${expected} instead of ${shown()}`
  await patience.until(what, () => (shown() === expected ? true : undefined))
  const { data } = await patience.within(`${phone.name}'s balances`, phone.client.command('wallet.balances', {}))
  const asked = data.find((balance) => balance.currency === currency) ?? { available: '0', pending: '0' }
  if (asked.available !== expected || asked.pending !== '0') {
    throw new Surprise(
      `${phone.name}'s wallet should hold ${expected}, nothing pending; it is ${JSON.stringify(asked)}.`,
    )
  }
  checked(`${phone.name}'s wallet holds ${money(phone.walletMinor, currency)}`)
}

function unexpectedEnd(payment: PaymentView, { end }: Scene): Surprise {
  const wanted = end.status === 'failed' ? `failed, ${end.code}` : end.status
  return new Surprise(`${payment.id} should have ended ${wanted} and ended ${describe(payment)}.`)
}

function describe(payment: { status: PaymentStatus; status_reason: string | null; failure: { code: string } | null }) {
  const why = payment.failure?.code ?? payment.status_reason
  return why === null ? payment.status : `${payment.status} · ${why}`
}
