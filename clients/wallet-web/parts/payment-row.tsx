import type { JSX } from 'preact'
import type { PaymentView } from '../../../src/contract/index.ts'
import { formatMoney } from '../model/money.ts'
import { clockTime, sideOf, statusWord } from '../model/words.ts'
import { Icon, type IconName } from './icons.tsx'

const ICONS: Record<PaymentView['kind'], IconName> = {
  purchase: 'shop',
  transfer: 'send',
  topup: 'plus',
  withdrawal: 'out',
}

/** One payment in a list; leads to its own screen. */
export function PaymentRow({ payment, user }: { payment: PaymentView; user: string }): JSX.Element {
  const { title, incoming } = sideOf(payment, user)
  const { word, tone } = statusWord(payment)
  return (
    <li>
      <a class="row" href={`#/payment/${payment.id}`}>
        <span class={`row-icon ${incoming ? 'in' : ''}`}>
          <Icon name={ICONS[payment.kind]} />
        </span>
        <span class="row-text">
          <span class="row-title">{title}</span>
          <span class="row-hint">
            <span class={`word ${tone}`}>{word}</span> · {clockTime(payment.created_at).replace(/:\d\d(?=\D*$)/, '')}
          </span>
        </span>
        <span class={`row-amount ${payment.status === 'succeeded' ? '' : 'soft'}`}>
          {incoming ? '+' : '−'}
          {formatMoney(payment.amount, payment.currency)}
        </span>
      </a>
    </li>
  )
}
