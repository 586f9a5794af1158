import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { normalisePhone, type Enrolment } from '../model/enrolment.ts'
import type { Kept } from '../model/vault.ts'
import { Field, Form, Notice, Screen, Submit } from '../parts/basics.tsx'
import { useChanges } from '../parts/hooks.ts'
import { Mark } from '../parts/icons.tsx'

/** A new browser: a phone number, then the code sent to it. */
export function Welcome(props: {
  enrolment: Enrolment
  onPhone: (phone: string) => void
  onDone: (device: Kept['device']) => void
}): JSX.Element {
  const { enrolment } = props
  useChanges(enrolment)
  const { state } = enrolment
  useEffect(() => {
    if (state.at === 'done') props.onDone(state.device)
  }, [state])
  if (state.at === 'phone' || state.at === 'sending') {
    const fault = state.at === 'phone' ? state.fault : null
    return <PhoneForm {...props} fault={fault} isSending={state.at === 'sending'} />
  }
  return <CodeForm enrolment={enrolment} />
}

function PhoneForm(props: {
  enrolment: Enrolment
  onPhone: (phone: string) => void
  fault: string | null
  isSending: boolean
}): JSX.Element {
  const { enrolment } = props
  const [typed, setTyped] = useState(enrolment.phone)
  const [fault, setFault] = useState<string | null>(null)
  const start = () => {
    const phone = normalisePhone(typed)
    setFault(phone === null ? 'Write the number with its country, like +254 700 000 001.' : null)
    if (phone === null) return
    props.onPhone(phone)
    void enrolment.start(phone)
  }
  return (
    <Screen title="Welcome to Mooring" above={<Mark />}>
      <p class="lead">Pay shops and people from your wallet, your bank or your phone bill, and watch every step.</p>
      {props.fault !== null && <Notice tone="bad">{props.fault}</Notice>}
      <Form onSubmit={start}>
        <Field
          label="Your phone number"
          value={typed}
          onInput={setTyped}
          fault={fault}
          hint="We send a code to it by SMS."
          input={{ type: 'tel', inputMode: 'tel', autocomplete: 'tel', placeholder: '+254 7…' }}
        />
        <Submit busy={props.isSending}>Send me a code</Submit>
      </Form>
    </Screen>
  )
}

function CodeForm({ enrolment }: { enrolment: Enrolment }): JSX.Element {
  const { state } = enrolment
  const [otp, setOtp] = useState('')
  const attempt = state.at === 'code' ? state.attempt : 1
  useEffect(() => setOtp(''), [attempt])
  return (
    <Screen title="Enter the code">
      <p class="lead">It was sent to {enrolment.phone}.</p>
      <Form onSubmit={() => enrolment.enterCode(otp.trim())}>
        <Field
          label="Six digits from the message"
          value={otp}
          onInput={setOtp}
          fault={attempt > 1 ? 'That is not the code. Check the newest message and try again.' : null}
          input={{ inputMode: 'numeric', autocomplete: 'one-time-code', maxLength: 6, class: 'otp' }}
        />
        <Submit busy={state.at !== 'code'} disabled={!/^\d{6}$/.test(otp.trim())}>
          Continue
        </Submit>
      </Form>
      <button type="button" class="link" onClick={() => enrolment.back()}>
        Use another number
      </button>
    </Screen>
  )
}
