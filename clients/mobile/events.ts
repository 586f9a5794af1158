import type { BalanceView, DeviceEvent, EventName, PaymentView, RefundView } from '../../src/contract/index.ts'
import { isBalance, isDevice, isPayment, isRefund } from './answers.ts'
import type { EventFrame } from './frames.ts'

type Common = { feed: string; seq: number; id: string; at: string }
type DeviceName = 'device.added' | 'device.revoked'
type OtherName = Exclude<EventName, 'payment.updated' | 'refund.updated' | 'balance.updated' | DeviceName>

/**
 * What `client.events()` yields. A `snapshot` means: events were missed, and the
 * local state was brought up to date as a whole; look at `payments` and `balances`.
 */
export type MooringEvent =
  | (Common & { name: 'payment.updated'; body: PaymentView })
  | (Common & { name: 'refund.updated'; body: RefundView })
  | (Common & { name: 'balance.updated'; body: BalanceView })
  | (Common & { name: DeviceName; body: DeviceEvent })
  | (Common & { name: OtherName; body: unknown })
  | { name: 'snapshot'; feed: string; seq: number }

/** The frame as an event; null where its body is not what its name stands for. */
export function eventOf(frame: EventFrame): MooringEvent | null {
  const { feed, seq, id, at, name, body } = frame
  switch (name) {
    case 'payment.updated':
      return isPayment(body) ? { feed, seq, id, at, name, body } : null
    case 'refund.updated':
      return isRefund(body) ? { feed, seq, id, at, name, body } : null
    case 'balance.updated':
      return isBalance(body) ? { feed, seq, id, at, name, body } : null
    case 'device.added':
    case 'device.revoked':
      return isDevice(body) ? { feed, seq, id, at, name, body } : null
    default:
      return { feed, seq, id, at, name, body }
  }
}
