import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { formatMoney } from '../model/money.ts'
import { paymentOf } from '../model/order.ts'
import { isEnded } from '../model/wallet.ts'
import { Fault, Screen } from '../parts/basics.tsx'
import { useAction, useApp } from '../parts/hooks.ts'
import { Progress } from '../parts/progress.tsx'

/** An order of this device, from the person's yes on. */
export function OrderScreen({ orderKey }: { orderKey: string }): JSX.Element {
  const { wallet, router } = useApp()
  const order = wallet.book.orders.get(orderKey)
  const { run } = useAction()
  if (order === undefined) {
    return (
      <Screen title="Payment" back="#/home">
        <p class="empty">This order is no longer kept here. Your history has what became of it.</p>
      </Screen>
    )
  }
  const id = paymentOf(order)
  const payment = id === null ? undefined : wallet.payment(id)
  const takeBack = () =>
    run(async () => {
      if (await wallet.book.takeBack(orderKey)) router.replace('#/home')
    })
  const isOver = order.state.at === 'refused' || isEnded(payment)
  return (
    <Screen title="Payment" back="#/home">
      <Progress order={order} payment={payment} />
      {order.state.at === 'waiting' && (
        <button type="button" class="link" onClick={takeBack}>
          Take it back
        </button>
      )}
      <a class={isOver ? 'primary' : 'secondary'} href="#/home">
        {isOver ? 'Done' : 'Close; it goes on'}
      </a>
    </Screen>
  )
}

/** One payment, as the server has it. */
export function PaymentScreen({ id }: { id: string }): JSX.Element {
  const { wallet } = useApp()
  const payment = wallet.payment(id)
  const [fault, setFault] = useState<unknown>(null)
  useEffect(() => {
    wallet.client.command('payment.get', { payment: id }).then(() => wallet.changed(), setFault)
  }, [id])
  if (payment === undefined) {
    return (
      <Screen title="Payment" back="#/history">
        {fault === null ? <p class="empty">Looking it up…</p> : <Fault error={fault} />}
      </Screen>
    )
  }
  return (
    <Screen title="Payment" back="#/history">
      <Progress order={wallet.orderOf(id)} payment={payment} />
      <dl class="terms">
        <dt>Amount</dt>
        <dd>{formatMoney(payment.amount, payment.currency)}</dd>
        {payment.source !== null && (
          <>
            <dt>Paid with</dt>
            <dd>{payment.source.label}</dd>
          </>
        )}
        {payment.description !== null && (
          <>
            <dt>For</dt>
            <dd>{payment.description}</dd>
          </>
        )}
        <dt>When</dt>
        <dd>{new Date(payment.created_at).toLocaleString()}</dd>
        <dt>Reference</dt>
        <dd class="id">{payment.id}</dd>
      </dl>
    </Screen>
  )
}
