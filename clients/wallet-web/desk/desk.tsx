import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { formatMoney } from '../model/money.ts'
import { clockTime } from '../model/words.ts'
import { AmountField, Fault, Form, Submit } from '../parts/basics.tsx'
import { useAction, useAmount } from '../parts/hooks.ts'
import { Qr } from '../parts/qr.tsx'

/** Beside the phone in a demo: what a second phone would show, and a shop's till. No part of the wallet. */
export function Desk({ phone, currency }: { phone: string | null; currency: string }): JSX.Element {
  return (
    <aside class="desk" aria-label="Demo desk">
      <h2>Demo desk</h2>
      <p class="soft">For trying things out on this machine. In real life these are other people’s devices.</p>
      <Inbox phone={phone} />
      <Till currency={currency} />
    </aside>
  )
}

const LOOK_EVERY_MS = 1_000

type Message = { text: string; at: string }

function Inbox({ phone }: { phone: string | null }): JSX.Element {
  const [messages, setMessages] = useState<Message[]>([])
  useEffect(() => {
    setMessages([])
    if (phone === null) return undefined
    let isCurrent = true
    const look = async () => {
      if (document.visibilityState === 'hidden') return
      const answer = await call(`/demo/sms?phone=${encodeURIComponent(phone)}`)
      if (isCurrent && isMessages(answer)) setMessages(answer.data)
    }
    const timer = setInterval(() => void look().catch(() => {}), LOOK_EVERY_MS)
    look().catch(() => {})
    return () => {
      isCurrent = false
      clearInterval(timer)
    }
  }, [phone])
  return (
    <section class="card">
      <h3>SMS inbox</h3>
      {messages.length === 0 ? (
        <p class="soft">{phone === null ? 'Messages to your number appear here.' : `Nothing for ${phone} yet.`}</p>
      ) : (
        <ul class="messages" aria-live="polite">
          {messages.map(({ text, at }) => (
            <li key={`${at} ${text}`}>
              <p>{text}</p>
              <time dateTime={at}>{clockTime(at)}</time>
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

type Charge = { payment: string; merchant: string; payload: string; amount: string; status: string }

/** A shop charges an amount and shows its code. */
function Till({ currency }: { currency: string }): JSX.Element {
  const { field, read } = useAmount(currency)
  const [charge, setCharge] = useState<Charge | null>(null)
  const [copied, setCopied] = useState(false)
  const { isRunning, fault, run } = useAction()
  const make = () => {
    const amount = read()
    if (amount === null) return
    run(async () => {
      const answer = await call('/demo/payments', { amount })
      if (!isCharge(answer)) throw new Error('the till does not answer')
      setCopied(false)
      setCharge({ ...answer, amount, status: 'requires_confirmation' })
    })
  }
  useEffect(() => {
    if (charge === null || ENDED.includes(charge.status)) return undefined
    const timer = setInterval(() => {
      call(`/demo/payments/${charge.payment}`).then(
        (answer) => isStatus(answer) && answer.status !== charge.status && setCharge({ ...charge, ...answer }),
        () => {},
      )
    }, LOOK_EVERY_MS)
    return () => clearInterval(timer)
  }, [charge])
  return (
    <section class="card">
      <h3>A shop’s till</h3>
      <Form onSubmit={make}>
        <AmountField label="Amount to charge" {...field} />
        <Submit busy={isRunning}>Show a code</Submit>
      </Form>
      <Fault error={fault} />
      {charge !== null && (
        <div class="charge">
          <Qr text={charge.payload} label={`QR code of ${charge.merchant}`} />
          <p>
            <strong>{charge.merchant}</strong> charges {formatMoney(charge.amount, currency)}.
          </p>
          <p role="status">The till says: {TILL_WORDS[charge.status] ?? charge.status}</p>
          <button
            type="button"
            class="secondary"
            onClick={() => void navigator.clipboard.writeText(charge.payload).then(() => setCopied(true))}
          >
            {copied ? 'Copied' : 'Copy what the code says'}
          </button>
        </div>
      )}
    </section>
  )
}

const ENDED = ['succeeded', 'failed', 'canceled', 'expired']
const TILL_WORDS: Record<string, string> = {
  requires_confirmation: 'waiting to be paid',
  requires_action: 'the payer has one step to do',
  processing: 'being paid',
  requires_capture: 'held',
  succeeded: 'paid',
  failed: 'not paid',
  canceled: 'called off',
  expired: 'expired',
}

async function call(path: string, body?: object): Promise<unknown> {
  const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const response = await fetch(path, body === undefined ? {} : post)
  if (!response.ok) throw new Error(`${path} answered ${response.status}`)
  return response.json()
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
function isMessages(value: unknown): value is { data: Message[] } {
  return isObject(value) && Array.isArray(value['data'])
}
function isCharge(value: unknown): value is Pick<Charge, 'payment' | 'merchant' | 'payload'> {
  return isObject(value) && typeof value['payload'] === 'string' && typeof value['payment'] === 'string'
}
function isStatus(value: unknown): value is { status: string } {
  return isObject(value) && typeof value['status'] === 'string'
}
