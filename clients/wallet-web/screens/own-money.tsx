import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { formatMoney } from '../model/money.ts'
import { kindOf, usable } from '../model/sources.ts'
import { AmountField, Choice, Form, Screen, Submit } from '../parts/basics.tsx'
import { useAmount, useApp } from '../parts/hooks.ts'
import { Review } from './review.tsx'

const WORDS = {
  topup: { title: 'Top up', from: 'From', verb: 'Top up', confirm: 'Confirm top-up', what: 'topup' },
  withdrawal: { title: 'Withdraw', from: 'To', verb: 'Withdraw', confirm: 'Confirm withdrawal', what: 'withdraw' },
} as const

/** Money between the wallet and an account of one's own. */
export function OwnMoney({ kind }: { kind: 'topup' | 'withdrawal' }): JSX.Element {
  const { wallet } = useApp()
  const { currency } = wallet.config
  const words = WORDS[kind]
  const accounts = usable(wallet.sources)
  const [chosen, setChosen] = useState<string | null>(null)
  const { field, read } = useAmount(currency)
  const [amount, setAmount] = useState<string | null>(null)
  const account = accounts.find(({ id }) => id === chosen) ?? accounts[0]

  if (account === undefined) {
    return (
      <Screen title={words.title} back="#/home">
        <p class="empty">Link a bank account or mobile money first.</p>
        <a class="primary" href="#/link">
          Link an account
        </a>
      </Screen>
    )
  }
  if (amount !== null) {
    const { id: source, label } = account
    return (
      <Review
        kind={kind}
        title={words.confirm}
        to={kind === 'topup' ? `From ${label}` : `To ${label}`}
        payee="self"
        amount={amount}
        currency={currency}
        ways={[{ source, label, hint: kindOf(account.type) }]}
        verb={words.verb}
        back="#/home"
        ask={() => ({ what: words.what, source, label, amount, currency })}
      />
    )
  }
  return (
    <Screen title={words.title} back="#/home">
      <Form onSubmit={() => setAmount(read())}>
        <Choice
          legend={words.from}
          name="account"
          value={account.id}
          onChoose={setChosen}
          options={accounts.map(({ id, label, type }) => ({
            value: id,
            label,
            hint: kindOf(type),
            icon: type === 'bank' ? ('bank' as const) : ('phone' as const),
          }))}
        />
        <AmountField
          label="Amount"
          {...field}
          {...(kind === 'withdrawal' ? { hint: `${formatMoney(wallet.balance.available, currency)} available` } : {})}
        />
        <Submit>Continue</Submit>
      </Form>
    </Screen>
  )
}
