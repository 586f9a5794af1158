import type { JSX } from 'preact'
import { Money, Screen } from '../parts/basics.tsx'
import { useApp } from '../parts/hooks.ts'
import { Icon, type IconName } from '../parts/icons.tsx'
import { PaymentRow } from '../parts/payment-row.tsx'
import { formatMoney } from '../model/money.ts'
import { amountOf, isOpen, paymentOf, type Order } from '../model/order.ts'
import { orderTitle } from '../model/words.ts'
import { isEnded } from '../model/wallet.ts'

const LATEST = 5

export function Home(): JSX.Element {
  const { wallet } = useApp()
  const { balance, balances } = wallet
  const open = [...wallet.book.orders.values()].filter((order) => isOpen(order))
  const latest = wallet.payments.slice(0, LATEST)
  return (
    <Screen title="Your wallet">
      <section class="hero" aria-label="Balance">
        <p class="hero-label">{wallet.line === 'live' ? 'Available' : 'Available when last heard'}</p>
        <Money amount={balance.available} currency={balance.currency} size="huge" />
        {balance.pending !== '0' && (
          <p class="hero-note">{formatMoney(balance.pending, balance.currency)} more is on its way</p>
        )}
        {balances.slice(1).map(({ currency, available }) => (
          <p class="hero-note" key={currency}>
            {formatMoney(available, currency)}
          </p>
        ))}
      </section>
      <ul class="actions" aria-label="What you can do">
        <Act href="#/pay" icon="scan" word="Pay" />
        <Act href="#/send" icon="send" word="Send" />
        <Act href="#/topup" icon="plus" word="Top up" />
        <Act href="#/withdraw" icon="out" word="Withdraw" />
      </ul>
      {open.length > 0 && (
        <section>
          <h2>On its way</h2>
          <ul class="list">
            {open.map((order) => (
              <OpenOrder key={order.key} order={order} />
            ))}
          </ul>
        </section>
      )}
      <section>
        <h2>Latest</h2>
        {latest.length === 0 ? (
          <p class="empty">Nothing yet. Top up, or pay a shop by scanning its code.</p>
        ) : (
          <ul class="list">
            {latest.map((payment) => (
              <PaymentRow key={payment.id} payment={payment} user={wallet.user} />
            ))}
          </ul>
        )}
        {latest.length === LATEST && (
          <a class="link" href="#/history">
            All payments
          </a>
        )}
      </section>
    </Screen>
  )
}

function Act({ href, icon, word }: { href: string; icon: IconName; word: string }): JSX.Element {
  return (
    <li>
      <a href={href}>
        <span class="act-icon">
          <Icon name={icon} />
        </span>
        {word}
      </a>
    </li>
  )
}

/** An order that the server has not answered: it may never have left. */
function OpenOrder({ order }: { order: Order }): JSX.Element | null {
  const { wallet } = useApp()
  const payment = paymentOf(order)
  if (payment !== null && isEnded(wallet.payment(payment))) return null
  const { amount, currency } = amountOf(order)
  const isWaiting = order.state.at === 'waiting'
  return (
    <li>
      <a class="row" href={`#/order/${order.key}`}>
        <span class="row-icon">
          <Icon name="clock" />
        </span>
        <span class="row-text">
          <span class="row-title">{orderTitle(order)}</span>
          <span class="row-hint">
            <span class="word warn">{isWaiting ? 'Not sent yet' : 'Waiting for the answer'}</span>
          </span>
        </span>
        <span class="row-amount soft">{formatMoney(amount, currency)}</span>
      </a>
    </li>
  )
}
