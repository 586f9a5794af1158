import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { MooringError } from '../../mobile/index.ts'
import { errorText } from '../model/words.ts'
import { Form, Notice, Screen, Submit } from '../parts/basics.tsx'
import { useAction, useApp } from '../parts/hooks.ts'
import { isPin, PinField } from '../parts/pin-field.tsx'

/** Setting the account's PIN, or another one in place of it. */
export function Pin(): JSX.Element {
  const { wallet } = useApp()
  const [typed, setTyped] = useState({ old: '', pin: '', again: '' })
  const [faults, setFaults] = useState<{ pin: string | null; again: string | null }>({ pin: null, again: null })
  const [isSet, setIsSet] = useState(false)
  const { isRunning, fault, run } = useAction()
  const set = () => {
    const found = {
      pin: isPin(typed.pin) ? null : 'Choose 4 to 8 digits.',
      again: typed.pin === typed.again ? null : 'These two are not the same.',
    }
    setFaults(found)
    if (found.pin !== null || found.again !== null) return
    run(async () => {
      await wallet.client.setPin({ pin: typed.pin, ...(typed.old === '' ? {} : { oldPin: typed.old }) })
      setTyped({ old: '', pin: '', again: '' })
      setIsSet(true)
    })
  }
  return (
    <Screen title="PIN" back="#/me">
      <p class="lead">Large payments ask for it, and it approves a new phone when you have lost the old one.</p>
      {isSet && <Notice tone="good">Your PIN is set.</Notice>}
      <Form onSubmit={set}>
        <PinField
          label="Present PIN (if you have one)"
          value={typed.old}
          onInput={(old) => setTyped({ ...typed, old })}
        />
        <PinField label="New PIN" value={typed.pin} onInput={(pin) => setTyped({ ...typed, pin })} fault={faults.pin} />
        <PinField
          label="New PIN again"
          value={typed.again}
          onInput={(again) => setTyped({ ...typed, again })}
          fault={faults.again}
        />
        {fault !== null && <Notice tone="bad">{pinText(fault)}</Notice>}
        <Submit busy={isRunning}>Set PIN</Submit>
      </Form>
    </Screen>
  )
}

function pinText(error: unknown): string {
  if (!(error instanceof MooringError)) return errorText(error)
  if (error.code === 'invalid_request') return 'Too easy to guess. Choose digits that are not all equal and no run.'
  if (error.code === 'pin_wrong' || error.code === 'pin_required') {
    return 'The present PIN is missing or wrong. Enter the one you have now.'
  }
  return errorText(error)
}
