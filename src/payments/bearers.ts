import type { PaymentIds } from './events.ts'
import type { LoadBearer } from './bearer.ts'
import { bearerOfRefund, isRefund } from './refunds/bearer.ts'
import { bearerOf } from './steps.ts'
import type { PaymentStore } from './store.ts'

/** Finds what an attempt serves by its id. */
export function makeBearers(deps: { store: PaymentStore; ids: PaymentIds }): LoadBearer {
  return async (id) => {
    if (isRefund(id)) {
      const refund = await deps.store.refunds.state(id)
      return refund === null ? null : bearerOfRefund(refund)
    }
    const state = await deps.store.state(id)
    return state === null ? null : bearerOf(state, deps.ids)
  }
}
