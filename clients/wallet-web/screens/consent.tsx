import type { JSX } from 'preact'
import { Screen } from '../parts/basics.tsx'
import { useApp } from '../parts/hooks.ts'
import { Purchase } from './purchase.tsx'

/** A shop has read this user's code and asks for more than goes without asking. */
export function Consent({ id }: { id: string }): JSX.Element {
  const { wallet } = useApp()
  const asked = wallet.payment(id)
  if (asked?.next_action?.type !== 'confirm_on_phone') {
    return (
      <Screen title="Confirm payment" back="#/home">
        <p class="empty">The shop no longer asks for this.</p>
      </Screen>
    )
  }
  return (
    <Purchase
      payment={asked}
      ask={(payment, { source, label }) => ({ what: 'consent', payment, payee: asked.payee_name, source, label })}
    />
  )
}
