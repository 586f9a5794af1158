import type { JSX, Ref } from 'preact'
import { Field } from './basics.tsx'

/** The form of a PIN (protocol.md: 4 to 8 digits). */
export function isPin(text: string): boolean {
  return /^\d{4,8}$/.test(text)
}

/** A PIN being typed: hidden, digits alone, and offered to no password manager. */
export function PinField(props: {
  label?: string
  value: string
  onInput: (value: string) => void
  fault?: string | null
  field?: Ref<HTMLInputElement>
}): JSX.Element {
  const { label = 'Your PIN', value, onInput, fault = null, field = null } = props
  return (
    <div class="pin">
      <Field
        label={label}
        value={value}
        onInput={(typed) => onInput(typed.replaceAll(/\D/g, '').slice(0, 8))}
        fault={fault}
        input={{ ref: field, type: 'password', inputMode: 'numeric', class: 'otp', autocomplete: 'off' }}
      />
      {props.label === undefined && (
        <a class="link" href="#/pin">
          No PIN yet, or a new one?
        </a>
      )}
    </div>
  )
}
