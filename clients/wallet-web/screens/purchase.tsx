import type { JSX } from 'preact'
import type { PaymentView } from '../../../src/contract/index.ts'
import type { PayOrder } from '../../mobile/index.ts'
import { formatMoney } from '../model/money.ts'
import type { Ask } from '../model/order.ts'
import { waysToPay, type Way } from '../model/sources.ts'
import { useApp } from '../parts/hooks.ts'
import { Review } from './review.tsx'

/** What a shop asks for, by its code or by this user's, and every way to pay it. */
export function Purchase(props: {
  payment: PaymentView
  ask: (payment: PayOrder['payment'], way: Way) => Ask
}): JSX.Element {
  const { payment } = props
  const { wallet } = useApp()
  const { id, kind, payee, amount, currency, capture_method, order_ref } = payment
  const { available } = wallet.client.balances.get(currency) ?? { available: '0' }
  return (
    <Review
      kind={kind}
      title="Confirm payment"
      to={payment.payee_name}
      note={payment.description ?? order_ref}
      payee={payee}
      amount={amount}
      currency={currency}
      ways={waysToPay(wallet.sources, `${formatMoney(available, currency)} available`)}
      verb="Pay"
      back="#/home"
      ask={(way) => props.ask({ id, kind, payee, amount, currency, capture_method, order_ref }, way)}
    />
  )
}
