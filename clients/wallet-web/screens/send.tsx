import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { normalisePhone } from '../model/enrolment.ts'
import { formatMoney } from '../model/money.ts'
import { AmountField, Fault, Field, Form, Screen, Submit } from '../parts/basics.tsx'
import { useAction, useAmount, useApp } from '../parts/hooks.ts'
import { Review } from './review.tsx'

type Payee = { user: string; masked_name: string }
type Draft = { payee: Payee; amount: string; note: string | undefined }

/** Money to another phone: who, how much, then what will happen. */
export function Send(): JSX.Element {
  const { wallet } = useApp()
  const { currency } = wallet.config
  const [draft, setDraft] = useState<Draft | null>(null)
  if (draft === null) return <Form1 onDone={setDraft} />
  const { payee, amount, note } = draft
  const { available } = wallet.balance
  return (
    <Review
      kind="transfer"
      title="Confirm sending"
      to={payee.masked_name}
      note={note ?? null}
      payee={payee.user}
      amount={amount}
      currency={currency}
      ways={[{ source: 'wallet', label: 'Wallet', hint: `${formatMoney(available, currency)} available` }]}
      verb="Send"
      back="#/home"
      ask={() => ({
        what: 'transfer',
        to: payee.user,
        payee: payee.masked_name,
        amount,
        currency,
        ...(note === undefined ? {} : { note }),
      })}
    />
  )
}

function Form1({ onDone }: { onDone: (draft: Draft) => void }): JSX.Element {
  const { wallet } = useApp()
  const { currency } = wallet.config
  const [typed, setTyped] = useState({ phone: '', note: '' })
  const [wrongPhone, setWrongPhone] = useState<string | null>(null)
  const { field, read } = useAmount(currency)
  const { isRunning, fault, run } = useAction()
  const next = () => {
    const phone = normalisePhone(typed.phone)
    const amount = read()
    setWrongPhone(phone === null ? 'Write the number with its country, like +254 700 000 001.' : null)
    if (phone === null || amount === null) return
    run(async () => {
      const payee = await wallet.client.command('payee.resolve', { phone })
      const note = typed.note.trim()
      onDone({ payee, amount, note: note === '' ? undefined : note })
    })
  }
  return (
    <Screen title="Send money" back="#/home">
      <Form onSubmit={next}>
        <Field
          label="Phone number"
          value={typed.phone}
          onInput={(phone) => {
            setTyped({ ...typed, phone })
            setWrongPhone(null)
          }}
          fault={wrongPhone}
          hint="They need a Mooring wallet."
          input={{ type: 'tel', inputMode: 'tel', placeholder: '+254 7…' }}
        />
        <AmountField label="Amount" {...field} />
        <Field
          label="Note (optional)"
          value={typed.note}
          onInput={(note) => setTyped({ ...typed, note })}
          input={{ maxLength: 140 }}
        />
        <Fault error={fault} />
        <Submit busy={isRunning}>Continue</Submit>
      </Form>
    </Screen>
  )
}
