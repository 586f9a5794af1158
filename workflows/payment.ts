import {
  CancellationScope,
  condition,
  defineSignal,
  proxyActivities,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
  sleep,
} from '@temporalio/workflow'
import type { PaymentStatus } from '../src/contract/names.ts'
import type { PaymentActivities } from '../activities/payment.ts'

/** A payment's workflow carries its id only: what it does, it reads from Postgres. */
export type PaymentInput = { payment: string }
export type PaymentResult = { status: PaymentStatus }

/** "Look": something about this payment was written down. It carries no facts. */
export const look = defineSignal('look')

/** Ledger steps and the rail's first call, within the first workflow task. Compensation never gives up. */
const local = proxyLocalActivities<PaymentActivities>({
  startToCloseTimeout: '30 seconds',
  retry: { initialInterval: '100 ms', backoffCoefficient: 2, maximumInterval: '5 seconds' },
})

/** What may take long: off the happy path. */
const patient = proxyActivities<PaymentActivities>({
  // A little above the rail's deadline: one lost with its process is made again soon.
  startToCloseTimeout: '12 seconds',
  retry: { initialInterval: '500 ms', backoffCoefficient: 2, maximumInterval: '30 seconds' },
})

/**
 * One payment's life after it was accepted: reserve → dispatch → confirm or
 * release. Every step answers what comes next, as Postgres has it, so a run from
 * the first step after any crash repeats nothing; an unknown outcome is inquired
 * until there is evidence, never ended by time.
 */
export async function payment(input: PaymentInput): Promise<PaymentResult> {
  let seen = 0
  let looks = 0
  setHandler(look, () => {
    looks += 1
  })
  return CancellationScope.nonCancellable(async () => {
    let next = await local.reserve(input)
    for (;;) {
      switch (next.step) {
        case 'dispatch':
          if (next.afterMs > 0) await sleep(next.afterMs)
          next = await local.dispatch(input)
          break
        case 'confirm':
          next = await local.confirm(input)
          break
        case 'release':
          next = await local.release(input)
          break
        case 'hold':
          next = await local.hold(input)
          break
        case 'wait': {
          setCurrentDetails(`Waits for ${next.why}.`)
          const woken = next.ms > 0 && (await condition(() => looks > seen, next.ms))
          seen = looks
          next = woken ? await local.look(input) : await patient.inquire(input)
          break
        }
        case 'done':
          return { status: next.status }
      }
    }
  })
}
