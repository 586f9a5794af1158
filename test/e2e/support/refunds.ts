import type { RefundView } from '../../../src/contract/index.ts'
import type { Patience } from '../../../tools/demo/patience.ts'
import type { Ended, Order, Refunded } from './orders.ts'

/**
 * Follows a refund to its end, as its merchant reads it: each time the payer's phone is
 * told of something. The phone is told of every version; of two that follow at once the
 * merchant may read only the later.
 */
export async function followRefund(patience: Patience, order: Order, asked: RefundView): Promise<Refunded> {
  const reads = [asked]
  for (let last = asked; ; reads.push(last)) {
    if (last.status === 'succeeded' || last.status === 'failed') return { reads, last }
    const { id, version } = last
    await patience.until(`${id} to go on from ${last.status}`, () =>
      order.payer.watch.refund(id).some((told) => told.version > version) ? true : undefined,
    )
    last = await order.merchant.readRefund(id)
  }
}

/** A payment with its refunds, once the phone shows what they have made of it. */
export async function withRefunds(
  patience: Patience,
  { order, view }: Ended,
  refunds: readonly Refunded[],
): Promise<Ended> {
  const { version } = await order.merchant.readPayment(view.id)
  const latest = await patience.until(`${view.id} to be shown with its refunds`, () => {
    const shown = order.payer.watch.versions(view.id).at(-1)
    return shown !== undefined && shown.version >= version ? shown : undefined
  })
  return { order, view: latest, refunds }
}
