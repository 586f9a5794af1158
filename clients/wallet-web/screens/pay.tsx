import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { PaymentView } from '../../../src/contract/index.ts'
import type { CommandAnswer } from '../../mobile/index.ts'
import { AmountField, Fault, Form, Screen, Submit } from '../parts/basics.tsx'
import { useAction, useAmount, useApp } from '../parts/hooks.ts'
import { canScan, Scanner } from '../parts/scanner.tsx'
import { Purchase } from './purchase.tsx'

type Resolved = CommandAnswer<'payment.resolve_qr'>
type Offer = Extract<Resolved, { offer: unknown }>['offer']
/** `claim`: of a payment that is nobody's yet. */
type Bill = { payment: PaymentView; claim?: string }

/** A shop's code, scanned or pasted, then what it asks for; at a sticker the payer says how much. */
export function Pay(): JSX.Element {
  const [resolved, setResolved] = useState<Resolved | null>(null)
  const [bill, setBill] = useState<Bill | null>(null)
  if (resolved === null) return <Read onResolved={setResolved} />
  if (!('offer' in resolved)) return <Confirm bill={resolved} />
  if (bill !== null) return <Confirm bill={bill} />
  return <Amount offer={resolved.offer} onMade={(payment) => setBill({ payment })} />
}

function Confirm({ bill: { payment, ...claimed } }: { bill: Bill }): JSX.Element {
  const { payee_name: payee } = payment
  return (
    <Purchase
      payment={payment}
      ask={(order, { source, label }) => ({ what: 'pay', payment: order, ...claimed, payee, source, label })}
    />
  )
}

/** How much somebody pays at a sticker. */
function Amount({ offer, onMade }: { offer: Offer; onMade: (payment: PaymentView) => void }): JSX.Element {
  const { wallet } = useApp()
  const { merchant, store, currency } = offer
  const { field, read } = useAmount(currency)
  const { isRunning, fault, run } = useAction()
  const next = () => {
    const amount = read()
    if (amount === null) return
    const order = { merchant: merchant.id, ...(store === null ? {} : { store }), amount, currency }
    run(async () => onMade(await wallet.client.command('payment.create', order)))
  }
  return (
    <Screen title={`Pay ${merchant.name}`} back="#/home">
      <Form onSubmit={next}>
        <AmountField label="Amount" {...field} />
        <Fault error={fault} />
        <Submit busy={isRunning}>Continue</Submit>
      </Form>
    </Screen>
  )
}

function Read({ onResolved }: { onResolved: (resolved: Resolved) => void }): JSX.Element {
  const { wallet } = useApp()
  const [text, setText] = useState('')
  const { isRunning, fault, run } = useAction()
  const resolve = (payload: string) =>
    run(async () => onResolved(await wallet.client.command('payment.resolve_qr', { payload: payload.trim() })))
  return (
    <Screen title="Pay" back="#/home">
      {canScan() && <Scanner onFound={resolve} />}
      <Form onSubmit={() => resolve(text)}>
        <div class="field">
          <label for="payload">Code from the shop</label>
          <textarea
            id="payload"
            rows={3}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
            aria-describedby="payload-hint"
            autocomplete="off"
            spellcheck={false}
          />
          <p class="hint" id="payload-hint">
            {canScan() ? 'Scan the shop’s QR code, or paste what it says.' : 'Paste what the shop’s QR code says.'}
          </p>
        </div>
        <Fault error={fault} />
        <Submit busy={isRunning} disabled={text.trim() === ''}>
          Continue
        </Submit>
      </Form>
    </Screen>
  )
}
