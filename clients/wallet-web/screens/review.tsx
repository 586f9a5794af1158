import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { PaymentKind } from '../../../src/contract/names.ts'
import { newKey } from '../model/key.ts'
import { formatMoney } from '../model/money.ts'
import type { Ask } from '../model/order.ts'
import type { Way } from '../model/sources.ts'
import { Choice, Fault, Form, Money, Notice, Screen, Spinner, Submit } from '../parts/basics.tsx'
import { isPin, PinField } from '../parts/pin-field.tsx'
import { useAction, useApp, useAsked } from '../parts/hooks.ts'
import type { IconName } from '../parts/icons.tsx'

export type ReviewProps = {
  kind: PaymentKind
  title: string
  /** Who gets it, and what it is for. */
  to: string
  note?: string | null
  payee: string
  amount: string
  currency: string
  ways: readonly Way[]
  verb: string
  back: string
  ask: (way: Way) => Ask
}

/** What will happen, to the last unit, before anything does. The button's order has its key before it can be pressed. */
export function Review(props: ReviewProps): JSX.Element {
  const { kind, amount, currency, payee, ways } = props
  const { wallet, router } = useApp()
  const [key] = useState(newKey)
  const [source, setSource] = useState(ways[0]?.source ?? null)
  const way = ways.find((one) => one.source === source)
  const asking = { kind, amount, currency, ...(payee === 'self' ? {} : { payee }) }
  const { asked, again } = useAsked(`${source} ${amount}`, () =>
    wallet.client.command('quote', { ...asking, source: source ?? '' }),
  )
  const { isRunning, fault, run } = useAction()
  const [pin, setPin] = useState('')
  const quote = asked.at === 'answered' ? asked.value : null
  const confirm = () => {
    if (quote === null || way === undefined) return
    run(async () => {
      const { payer_fee, total } = quote
      const order = { key, ask: props.ask(way), quote: { payer_fee, total } }
      await wallet.book.place(order, quote.pin_required ? pin : undefined)
      router.replace(`#/order/${key}`)
    })
  }
  return (
    <Screen title={props.title} back={props.back}>
      <section class="bill">
        <p class="bill-to">{props.to}</p>
        <Money amount={amount} currency={currency} size="huge" />
        {props.note !== null && props.note !== undefined && <p class="soft">{props.note}</p>}
      </section>
      <Form onSubmit={confirm}>
        {ways.length > 1 ? (
          <Choice
            legend="Pay with"
            name="source"
            value={source}
            onChoose={setSource}
            options={ways.map((one) => ({ ...one, value: one.source, icon: iconOf(one.source) }))}
          />
        ) : (
          source === 'wallet' && <p class="soft">From your wallet: {way?.hint}</p>
        )}
        <dl class="terms">
          <dt>Fee</dt>
          <dd>{quote === null ? <Asking failed={asked.at === 'failed'} /> : feeText(quote.payer_fee, currency)}</dd>
          <dt>{TAKEN[kind]}</dt>
          <dd class="strong">{quote === null ? '' : formatMoney(quote.total, currency)}</dd>
        </dl>
        {asked.at === 'failed' && <Fault error={asked.error} again={again} />}
        {quote !== null && !quote.limits_ok && (
          <Notice tone="warn">This is above your limit. Try a smaller amount, or again tomorrow.</Notice>
        )}
        {quote?.pin_required === true && <PinField value={pin} onInput={setPin} />}
        <Fault error={fault} />
        <Submit busy={isRunning} disabled={quote === null || !quote.limits_ok || (quote.pin_required && !isPin(pin))}>
          {props.verb} {quote === null ? formatMoney(amount, currency) : formatMoney(quote.total, currency)}
        </Submit>
      </Form>
    </Screen>
  )
}

const TAKEN: Record<PaymentKind, string> = {
  purchase: 'You pay',
  transfer: 'You pay',
  topup: 'Taken from your account',
  withdrawal: 'Taken from your wallet',
}

function Asking({ failed }: { failed: boolean }): JSX.Element {
  return failed ? <span>not known</span> : <Spinner />
}

function feeText(fee: string, currency: string): string {
  return fee === '0' ? 'None' : formatMoney(fee, currency)
}

function iconOf(source: string): IconName {
  if (source === 'wallet') return 'wallet'
  return source === 'operator' ? 'phone' : 'bank'
}
