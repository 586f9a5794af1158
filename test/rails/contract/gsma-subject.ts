import { BELIEVED_AFTER_MS, CONTROL_TOKEN, magicPhone, makeMoneyOrder, startMoneyRail } from '../support/gsma.ts'
import { controlOf } from './control.ts'
import { openInbox } from './inbox.ts'
import type { Row, Running, Subject } from './subject.ts'

/** The mobile money connector and its simulator as a process. The two share no code. */

async function start(): Promise<Running> {
  const inbox = await openInbox('/v1/rails/gsma/callbacks')
  const { rail, registry, controlUrl, stop } = await startMoneyRail(inbox.url)
  inbox.readBy(rail)
  return {
    rail,
    registry,
    inbox,
    control: controlOf(controlUrl, CONTROL_TOKEN),
    // Written when a lost order is long believed to be lost: the operator dates orders by its own clock.
    makeOrder: (operation, nn) =>
      makeMoneyOrder({
        operation,
        account: { type: 'phone', phone: magicPhone(nn) },
        dispatchedAtMs: Date.now() - BELIEVED_AFTER_MS,
      }),
    stop: async () => {
      await stop()
      await inbox.stop()
    },
  }
}

function adjust(row: Row, operation: string): Row | null {
  const { fault } = row
  // Nothing of an answer is signed: it is the callback that cannot be believed.
  if (fault?.kind === 'bad_signature' || row.nn === 41) return { ...row, first: ['pending'] }
  // What never arrived is sent again under the same correlation id.
  if (row.final === 'not_executed') return { ...row, final: 'settled' }
  // A wallet is given back whole.
  if (fault?.kind === 'return_later' && (operation === 'refund' || fault['parts'] !== undefined)) return null
  // The account that lacks the money is then our own.
  if (row.code === 'insufficient_funds' && operation !== 'collect') {
    return { ...row, code: 'declined_by_rail', alarm: true }
  }
  return row
}

export const GSMA: Subject = {
  name: 'mobile money',
  start,
  offers: ['collect', 'payOut', 'refund'],
  adjust,
  callbacks: 'look',
  forgeries: [
    ['one byte more', (message) => ({ ...message, body: Buffer.concat([message.body, Buffer.from(' ')]) })],
    ['another key', (message) => withHeader(message, 'x-api-key', 'api-key-of-somebody-else')],
    ['an hour old', (message) => withHeader(message, 'x-date', new Date(Date.now() - 3_600_000).toISOString())],
    ['without a hash', (message) => withHeader(message, 'x-content-hash', '')],
  ],
}

function withHeader<T extends { headers: Record<string, string> }>(message: T, name: string, value: string): T {
  return { ...message, headers: { ...message.headers, [name]: value } }
}
