import { z } from 'zod'
import type { HttpMessage } from '../../../src/rails/port.ts'
import { magicPhone, makeChargeOrder, OPERATOR_CONTROL_TOKEN, startOperatorRail } from '../support/camara.ts'
import { controlOf } from './control.ts'
import { openInbox } from './inbox.ts'
import type { Row, Running, Subject } from './subject.ts'

/** The operator connector and its simulator as a process, in two steps and in one. The two share no code. */

type Mode = 'two_step' | 'one_step'

/** Behind this the operator's list is believed: send window, deadline and a minute for it to lag. */
const BELIEVED_AFTER_MS = 75_000
const REFUSING_PAYER = 5
/** An account without a row of its own, set up to be asked for a code. */
const PAYER_WITH_CODE = 99

const Inbox = z.object({ data: z.array(z.object({ text: z.string() })) })

async function start(mode: Mode): Promise<Running> {
  const inbox = await openInbox('/v1/rails/camara/callbacks')
  const { rail, registry, controlUrl, advance, stop } = await startOperatorRail(
    inbox.url,
    { mode, resendSafe: true },
    { SIM_REPEATS_FIRST_ANSWER: '1' },
  )
  inbox.readBy(rail)
  const asked = await fetch(`${controlUrl}/accounts`, {
    method: 'POST',
    headers: { authorization: `Bearer ${OPERATOR_CONTROL_TOKEN}` },
    body: JSON.stringify({ account: magicPhone(PAYER_WITH_CODE), validation: true }),
  })
  if (!asked.ok) throw new Error(`the operator answered ${asked.status}`)
  return {
    rail,
    registry,
    inbox,
    control: controlOf(controlUrl, OPERATOR_CONTROL_TOKEN),
    makeOrder: (operation, nn) =>
      makeChargeOrder({
        operation,
        step: rail.profile.firstStep[operation] ?? 'submit',
        account: { type: 'phone', phone: magicPhone(nn) },
        // A merchant of its own: the operator's list has no other filter.
        merchant: { id: `mer_${nn}`, name: 'Harbour Coffee' },
      }),
    payerCode: async ({ account }) => {
      const phone = account.type === 'phone' ? account.phone : ''
      const response = await fetch(`${controlUrl}/sms?phone=${encodeURIComponent(phone)}`, {
        headers: { authorization: `Bearer ${OPERATOR_CONTROL_TOKEN}` },
      })
      const right = /\d{6}/.exec(Inbox.parse(await response.json()).data[0]?.text ?? '')?.[0] ?? ''
      return { right, wrong: right === '000000' ? '000001' : '000000' }
    },
    passTime: () => Promise.resolve(advance(BELIEVED_AFTER_MS)),
    stop: async () => {
      await stop()
      await inbox.stop()
    },
  }
}

const adjustFor =
  (mode: Mode) =>
  (row: Row, operation: string): Row | null => {
    const { fault, heard } = row
    const reserves = mode === 'two_step' && operation === 'collect'
    // A charge comes back whole, a refund not at all.
    if (fault?.kind === 'return_later' && (operation === 'refund' || fault['parts'] !== undefined)) return null
    // A reservation that expires: camara-steps.test.ts waits for it, where this suite confirms at once.
    if (fault?.kind === 'expire' && reserves) return null
    // Nothing of an answer is signed: it is the event that cannot be believed.
    if (fault?.kind === 'bad_signature' || row.nn === 41) return { ...row, first: ['pending'] }
    // What exists already is found, and its own state counts.
    if (fault?.kind === 'duplicate_answer') return { ...row, first: ['settled'] }
    // The operator has one word for no money and no mandate.
    if (row.nn === 1 || row.nn === 6) return { ...row, code: 'declined_by_rail' }
    // The payer refuses when the code is asked for.
    if (row.nn === REFUSING_PAYER)
      return reserves ? { ...row, first: ['settled'] } : { ...row, first: ['pending'], code: 'declined_by_rail' }
    // Confirming is news too.
    if (heard !== undefined && reserves && row.final === 'settled')
      return { ...row, heard: { events: heard.events + 1, deliveries: heard.deliveries + 1 } }
    // What never arrived is sent again under the same correlator, where it is no mere reservation.
    if (row.final === 'not_executed' && !reserves) return { ...row, final: 'settled' }
    return row
  }

const bearer = (message: HttpMessage, token: string): HttpMessage => ({
  ...message,
  headers: { ...message.headers, authorization: `Bearer ${token}` },
})

export function operatorSubject(mode: Mode): Subject {
  return {
    name: `the operator, ${mode}`,
    start: () => start(mode),
    offers: ['collect', 'refund'],
    adjust: adjustFor(mode),
    callbacks: 'look',
    forgeries: [
      ['another token', (message) => bearer(message, `1.${'A'.repeat(43)}`)],
      [
        'a token that lives longer',
        (message) => bearer(message, (message.headers['authorization'] ?? '').replace(/^Bearer \d/i, '9')),
      ],
      ['no token', ({ headers: { authorization: _, ...headers }, ...message }) => ({ ...message, headers })],
      ['for another reference', (message) => ({ ...message, targetUri: `${message.targetUri}0` })],
    ],
    ...(mode === 'two_step' ? { codeAccount: PAYER_WITH_CODE } : {}),
  }
}
