import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { PaymentView } from '../../../src/contract/index.ts'
import { formatMoney } from '../model/money.ts'
import { headlineOf, linesOf, type Line } from '../model/steps.ts'
import type { Order } from '../model/order.ts'
import { amountOf } from '../model/order.ts'
import { newKey } from '../model/key.ts'
import { clockTime, orderTitle, sideOf, type Tone } from '../model/words.ts'
import { Fault, Field, Form, Money, Notice, Spinner, Submit } from './basics.tsx'
import { useAction, useApp, useFieldFocus } from './hooks.ts'
import { isPin, PinField } from './pin-field.tsx'
import { Icon, type IconName } from './icons.tsx'

const FACES: Record<Tone, IconName> = { good: 'check', bad: 'cross', warn: 'clock', calm: 'clock' }

/** A payment on its way and at its end: the headline, the amount, and each step with its time. */
export function Progress({
  order,
  payment,
}: {
  order: Order | undefined
  payment: PaymentView | undefined
}): JSX.Element {
  const { wallet } = useApp()
  const seen = payment === undefined ? [] : wallet.stepsOf(payment.id)
  const headline = headlineOf(order, payment)
  const money = payment ?? (order === undefined ? null : amountOf(order))
  const title = payment === undefined ? order && orderTitle(order) : sideOf(payment, wallet.user).title
  return (
    <div class="progress">
      <div class={`face ${headline.tone}`} aria-hidden="true">
        {headline.busy ? <Spinner /> : <Icon name={FACES[headline.tone]} />}
      </div>
      <div role="status" aria-live="polite">
        <h2>{headline.title}</h2>
        <p class="soft">{headline.text}</p>
      </div>
      {money !== null && (
        <p class="progress-amount">
          <Money amount={money.amount} currency={money.currency} size="big" />
          <span class="soft">{title}</span>
        </p>
      )}
      <ol class="steps" aria-label="Steps">
        {linesOf(order, payment, seen).map((line) => (
          <StepLine key={line.label} line={line} />
        ))}
      </ol>
      {order?.state.at === 'pin' && <EnterPin order={order} isWrong={order.state.code === 'pin_wrong'} />}
      {payment?.next_action?.type === 'enter_code' && <EnterCode payment={payment} />}
      {payment !== undefined && <Afterwards payment={payment} />}
    </div>
  )
}

const STATES: Record<Line['state'], string> = { done: 'done', now: 'in progress', todo: 'to come', failed: 'failed' }

function StepLine({ line }: { line: Line }): JSX.Element {
  return (
    <li class={line.state} aria-current={line.state === 'now' ? 'step' : undefined}>
      <span class="step-label">
        {line.label}
        <span class="hidden">, {STATES[line.state]}</span>
      </span>
      {line.at !== null && <time dateTime={line.at}>{clockTime(line.at)}</time>}
      {line.detail !== null && <span class="step-detail">{line.detail}</span>}
    </li>
  )
}

/** The code an operator has sent by SMS to prove that the phone is in the payer's hand. */
function EnterCode({ payment }: { payment: PaymentView }): JSX.Element {
  const { wallet } = useApp()
  // One key for one code: pressed again after silence, it is the same answer.
  const [{ code, key }, setTyped] = useState(() => ({ code: '', key: newKey() }))
  const setCode = (typed: string) => setTyped({ code: typed, key: newKey() })
  // Asked once more: the code before this was not the one.
  const wrong = wallet.stepsOf(payment.id).filter(({ status }) => status === 'requires_action').length > 1
  useEffect(() => setCode(''), [payment.version])
  const field = useFieldFocus(wrong, payment.version)
  const { isRunning, fault, run } = useAction()
  const enter = () =>
    run(async () => {
      await wallet.client.enterCode(payment.id, code.trim(), { key })
    })
  return (
    <Form onSubmit={enter}>
      <Field
        label="Code from the message"
        value={code}
        onInput={setCode}
        fault={wrong ? 'That was not the code. Check the newest message.' : null}
        input={{ ref: field, inputMode: 'numeric', autocomplete: 'one-time-code', maxLength: 10 }}
      />
      <Submit busy={isRunning} disabled={code.trim() === ''}>
        Enter code
      </Submit>
      <Fault error={fault} />
      <button type="button" class="link" onClick={() => run(() => callOff(wallet.client, payment.id))}>
        Call it off
      </button>
    </Form>
  )
}

async function callOff(client: ReturnType<typeof useApp>['wallet']['client'], payment: string): Promise<void> {
  await client.command('payment.cancel', { payment }, { key: newKey() })
}

/** The same order once more, with the PIN. */
function EnterPin({ order, isWrong }: { order: Order; isWrong: boolean }): JSX.Element {
  const { wallet } = useApp()
  const [pin, setPin] = useState('')
  const field = useFieldFocus(isWrong)
  const { isRunning, fault, run } = useAction()
  const giveUp = () => run(async () => void (await wallet.book.giveUp(order.key)))
  return (
    <Form onSubmit={() => run(() => wallet.book.enterPin(order.key, pin))}>
      <PinField value={pin} onInput={setPin} field={field} />
      <Submit busy={isRunning} disabled={!isPin(pin)}>
        Continue
      </Submit>
      <Fault error={fault} />
      <button type="button" class="link" onClick={giveUp}>
        Do not pay
      </button>
    </Form>
  )
}

/** What became of the money after the end. */
function Afterwards({ payment }: { payment: PaymentView }): JSX.Element {
  const { refunded_amount, recovery, currency } = payment
  return (
    <>
      {refunded_amount !== '0' && <Notice tone="calm">{formatMoney(refunded_amount, currency)} was refunded.</Notice>}
      {recovery !== null && (
        <Notice tone="warn">
          {formatMoney(recovery.amount, currency)} moved after the end, and{' '}
          {recovery.state === 'open' ? 'it is being decided what becomes of it' : 'this has been settled'}.
        </Notice>
      )}
    </>
  )
}
