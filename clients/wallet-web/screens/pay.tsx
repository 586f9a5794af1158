import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { CommandAnswer } from '../../mobile/index.ts'
import { Fault, Form, Screen, Submit } from '../parts/basics.tsx'
import { useAction, useApp } from '../parts/hooks.ts'
import { canScan, Scanner } from '../parts/scanner.tsx'
import { Purchase } from './purchase.tsx'

type Resolved = CommandAnswer<'payment.resolve_qr'>

/** A shop's code, scanned or pasted, then what it asks for. */
export function Pay(): JSX.Element {
  const [resolved, setResolved] = useState<Resolved | null>(null)
  if (resolved === null) return <Read onResolved={setResolved} />
  const { claim } = resolved
  const { payee_name } = resolved.payment
  return (
    <Purchase
      payment={resolved.payment}
      ask={(payment, { source, label }) => ({ what: 'pay', payment, claim, payee: payee_name, source, label })}
    />
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
