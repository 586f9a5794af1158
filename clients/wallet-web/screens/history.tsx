import type { JSX } from 'preact'
import type { PaymentView } from '../../../src/contract/index.ts'
import { dayOf } from '../model/words.ts'
import { Fault, Screen } from '../parts/basics.tsx'
import { useAction, useApp } from '../parts/hooks.ts'
import { PaymentRow } from '../parts/payment-row.tsx'

/** All payments, by day, newest first. */
export function History(): JSX.Element {
  const { wallet } = useApp()
  const { isRunning, fault, run } = useAction()
  const { payments } = wallet
  return (
    <Screen title="History">
      {payments.length === 0 && <p class="empty">Nothing yet.</p>}
      {byDay(payments).map(([day, ofDay]) => (
        <section key={day}>
          <h2>{day}</h2>
          <ul class="list">
            {ofDay.map((payment) => (
              <PaymentRow key={payment.id} payment={payment} user={wallet.user} />
            ))}
          </ul>
        </section>
      ))}
      <Fault error={fault} />
      {payments.length > 0 && wallet.hasOlder && (
        <button type="button" class="secondary" aria-busy={isRunning} onClick={() => run(() => wallet.loadOlder())}>
          Show older
        </button>
      )}
    </Screen>
  )
}

function byDay(payments: readonly PaymentView[]): [string, PaymentView[]][] {
  const days = new Map<string, PaymentView[]>()
  for (const payment of payments) {
    const day = dayOf(payment.created_at)
    days.set(day, [...(days.get(day) ?? []), payment])
  }
  return [...days]
}
