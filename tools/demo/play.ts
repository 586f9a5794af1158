import type { FailureCode } from '../../src/contract/names.ts'
import type { PaymentView } from '../../src/contract/index.ts'
import { isTerminal } from '../../clients/mobile/index.ts'
import { feeMinor } from '../../src/domain/fee.ts'
import { attemptReference } from '../../src/domain/ids.ts'
import { bookOf, type BookLine, type MerchantServer } from './http.ts'
import { howItIsKnown, type Via } from './ops.ts'
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
  /** What a rail does, where one takes part. */
  moves?: Movement
  merchant?: MerchantServer
  /** Changes of wallets, minor units, where it succeeds. */
  wallets: { phone: Phone; changeMinor: bigint }[]
  /** The outcome is not known at once: the phone must say so, and it must come to be known in this way. */
  resolvedBy?: Via
  /** What somebody does once the phone says that the payment awaits its rail. */
  meanwhile?: (payment: string) => Promise<void>
}

type Rail = 'bank' | 'operator' | 'mobile money'
type Movement = {
  rail: Rail
  operation: 'collect' | 'payOut'
  account: string
  /** The bank may have taken it back already when its book is looked at. */
  comesBack?: boolean
}

/** Plays one scene and checks its end on every side; throws a Surprise at the first thing amiss. */
export async function play(stack: Stack, patience: Patience, scene: Scene): Promise<PaymentView> {
  for (let n = 1; ; n++) {
    const pidsBefore = stack.pids()
    const { payment, awaited } = await follow(patience, scene)
    const disturbed = stack.pids() !== pidsBefore
    if (isAsExpected(payment, scene)) {
      if (scene.resolvedBy !== undefined && !awaited && !disturbed) {
        throw new Surprise(`${payment.id} ended ${payment.status} without ever having waited for its rail.`)
      }
      await checkAll(stack, patience, scene, payment)
      if (scene.resolvedBy === undefined) return payment
      const via = await howItIsKnown(stack, patience, payment.id)
      if (via === scene.resolvedBy) checked(`its outcome is known by ${article(via)}`)
      else if (n < TRIES) {
        remark(`its outcome is known by ${article(via)}, which was first this time; once more`)
        continue
      } else throw new Surprise(`${payment.id} should be known by ${scene.resolvedBy}; it is by ${String(via)}.`)
      return payment
    }
    if (!disturbed || n === TRIES || !isHonestEnd(payment)) throw unexpectedEnd(payment, scene)
    await checkBooks(stack, patience, payment, undefined)
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
  let meanwhile: Promise<void> | undefined
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => {})
  const versions = client.payment(first.id)
  for (;;) {
    const next = await patience.within(
      `${first.id} to go on from ${describe(last)}`,
      Promise.race([versions.next(), failed.promise]),
    )
    if (next.done === true) break
    last = next.value
    awaited ||= last.status_reason === 'awaiting_rail'
    const tone = last.status === 'succeeded' ? 'good' : isTerminal(last.status) ? 'bad' : 'waiting'
    status(performance.now() - began, describe(last), scene.end.status === 'failed' && tone === 'bad' ? 'good' : tone)
    if (awaited && meanwhile === undefined && scene.meanwhile !== undefined) {
      meanwhile = scene.meanwhile(first.id)
      meanwhile.catch(failed.reject)
    }
  }
  await meanwhile
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
  await checkBooks(stack, patience, payment, succeeded ? scene.moves : undefined)
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

/** The rails' own books: exactly one movement where one was to be, none where not. */
async function checkBooks(stack: Stack, patience: Patience, payment: PaymentView, moves?: Movement): Promise<void> {
  const { bank, camara, gsma } = stack.dev.sim
  const rails = { bank, operator: camara, 'mobile money': gsma }
  const references = (['collect', 'payOut'] as const).map((operation) => attemptReference(payment.id, operation, 1))
  const book = async (rail: Rail) =>
    (await Promise.all(references.map((reference) => bookOf(patience, rails[rail], reference)))).flat()
  for (const rail of ['bank', 'operator', 'mobile money'] as const) {
    if (rail === moves?.rail) continue
    const lines = await book(rail)
    if (lines.length > 0) throw new Surprise(`The ${rail} moved money for ${payment.id}: ${JSON.stringify(lines)}.`)
  }
  if (moves === undefined) {
    checked('no rail moved anything')
    return
  }
  const lines = (await book(moves.rail)).filter(({ effect }) => moves.comesBack !== true || effect === 'moved')
  const reference = attemptReference(payment.id, moves.operation, 1)
  checkMoved(lines, { ...moves, reference, amount: payment.amount, currency: payment.currency })
  checked(`${moves.rail === 'mobile money' ? '' : 'the '}${moves.rail} moved it once: ${reference}`)
}

/** Throws a Surprise where a book's lines are not the one movement they should be. */
export function checkMoved(
  lines: BookLine[],
  wanted: Pick<BookLine, 'reference' | 'operation' | 'amount' | 'currency' | 'account'>,
): void {
  const [only, ...others] = lines
  const right =
    only?.reference === wanted.reference &&
    only.operation === wanted.operation &&
    only.effect === 'moved' &&
    only.amount === wanted.amount &&
    only.currency === wanted.currency &&
    only.account === wanted.account
  if (right && others.length === 0) return
  throw new Surprise(`A book should show ${wanted.reference} moved exactly once, and shows ${JSON.stringify(lines)}.`)
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
export async function checkWallet(patience: Patience, phone: Phone, currency: string): Promise<void> {
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

const article = (via: string | null) => (via === null ? 'nobody' : /^[aio]/.test(via) ? `an ${via}` : `a ${via}`)

export function describe(payment: { status: string; status_reason: string | null; failure: { code: string } | null }) {
  const why = payment.failure?.code ?? payment.status_reason
  return why === null ? payment.status : `${payment.status} · ${why}`
}
