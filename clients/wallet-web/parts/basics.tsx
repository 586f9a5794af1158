import type { ComponentChildren, InputHTMLAttributes, JSX, Ref } from 'preact'
import { useId } from 'preact/hooks'
import { moneyParts } from '../model/money.ts'
import { errorText, type Tone } from '../model/words.ts'
import { useHeadingFocus } from './hooks.ts'
import { Icon, type IconName } from './icons.tsx'

/** A screen: its heading takes the focus, so that every screen begins in the same place. */
export function Screen(props: {
  title: string
  back?: string
  above?: ComponentChildren
  children: ComponentChildren
}): JSX.Element {
  const heading = useHeadingFocus(props.title)
  return (
    <div class={props.above === undefined ? 'screen' : 'screen welcome'}>
      {props.above}
      <div class="screen-head">
        {props.back !== undefined && (
          <a class="back" href={props.back}>
            <Icon name="back" />
            <span class="hidden">Back</span>
          </a>
        )}
        <h1 ref={heading} tabIndex={-1}>
          {props.title}
        </h1>
      </div>
      {props.children}
    </div>
  )
}

/** An amount with its currency smaller beside it; read out as one. */
export function Money({ amount, currency, size }: { amount: string; currency: string; size: 'big' | 'huge' }) {
  const { sign, whole, fraction } = moneyParts(amount, currency)
  return (
    <span class={`money ${size}`}>
      <span class="sign">{sign} </span>
      <span class="whole">{whole}</span>
      <span class="fraction">{fraction}</span>
    </span>
  )
}

/** What comes up by itself is read out; what went wrong, at once (WCAG 4.1.3). */
const ROLE: Partial<Record<Tone, 'alert' | 'status'>> = { bad: 'alert', warn: 'status', good: 'status' }

export function Notice({ tone, children }: { tone: Tone; children: ComponentChildren }): JSX.Element {
  return (
    <div class={`notice ${tone}`} role={ROLE[tone]}>
      {children}
    </div>
  )
}

/** What went wrong, and a way to try again. */
export function Fault({ error, again }: { error: unknown; again?: () => void }): JSX.Element | null {
  if (error === null || error === undefined) return null
  return (
    <Notice tone="bad">
      <p>{errorText(error)}</p>
      {again !== undefined && (
        <button type="button" class="link" onClick={again}>
          Try again
        </button>
      )}
    </Notice>
  )
}

/** A button that sends a form; says that it works while it does, and keeps its width. */
export function Submit({
  children,
  busy = false,
  disabled = false,
}: {
  children: ComponentChildren
  busy?: boolean
  disabled?: boolean
}): JSX.Element {
  return (
    <button type="submit" class="primary" aria-busy={busy} disabled={disabled || busy}>
      {children}
      {busy && <Spinner />}
    </button>
  )
}

export function Spinner(): JSX.Element {
  return <span class="spinner" aria-hidden="true" />
}

type FieldProps = {
  label: string
  value: string
  onInput: (value: string) => void
  hint?: string
  fault?: string | null
  prefix?: string
  input?: InputHTMLAttributes & { ref?: Ref<HTMLInputElement> }
}

/** A labelled input, its hint and its fault tied to it for screen readers. */
export function Field({ label, value, onInput, hint, fault = null, prefix, input = {} }: FieldProps): JSX.Element {
  const id = useId()
  const described = [hint === undefined ? null : `${id}-hint`, fault === null ? null : `${id}-fault`]
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class={`box ${fault === null ? '' : 'faulty'}`}>
        {prefix !== undefined && <span class="prefix">{prefix}</span>}
        <input
          id={id}
          value={value}
          onInput={(event) => onInput(event.currentTarget.value)}
          aria-invalid={fault !== null}
          aria-describedby={described.filter((one) => one !== null).join(' ') || undefined}
          autocomplete="off"
          {...input}
        />
      </div>
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {fault !== null && (
        <p class="fault" id={`${id}-fault`} role="alert">
          {fault}
        </p>
      )}
    </div>
  )
}

export function AmountField(props: Omit<FieldProps, 'prefix' | 'input'> & { currency: string }): JSX.Element {
  const { currency, ...field } = props
  return <Field {...field} prefix={currency} input={{ inputMode: 'decimal', placeholder: '0', class: 'amount' }} />
}

/** A row that leads somewhere. */
export function RowLink({ href, icon, title, hint }: { href: string; icon: IconName; title: string; hint?: string }) {
  return (
    <a class="row" href={href}>
      <span class="row-icon">
        <Icon name={icon} />
      </span>
      <span class="row-text">
        <span class="row-title">{title}</span>
        {hint !== undefined && <span class="row-hint">{hint}</span>}
      </span>
      <Icon name="next" />
    </a>
  )
}

/** What of a form is chosen, as cards. */
export function Choice<T extends string>(props: {
  legend: string
  name: string
  value: T | null
  options: readonly { value: T; label: string; hint?: string; icon: IconName }[]
  onChoose: (value: T) => void
}): JSX.Element {
  return (
    <fieldset class="choice">
      <legend>{props.legend}</legend>
      {props.options.map(({ value, label, hint, icon }) => (
        <label key={value}>
          <input
            type="radio"
            name={props.name}
            checked={value === props.value}
            onChange={() => props.onChoose(value)}
          />
          <span class="row-icon">
            <Icon name={icon} />
          </span>
          <span class="row-text">
            <span class="row-title">{label}</span>
            {hint !== undefined && <span class="row-hint">{hint}</span>}
          </span>
          <span class="dot" aria-hidden="true" />
        </label>
      ))}
    </fieldset>
  )
}

/** A form that this page handles by itself. */
export function Form({ onSubmit, children }: { onSubmit: () => void; children: ComponentChildren }): JSX.Element {
  const submit = (event: Event) => {
    event.preventDefault()
    onSubmit()
  }
  return (
    <form onSubmit={submit} noValidate>
      {children}
    </form>
  )
}
