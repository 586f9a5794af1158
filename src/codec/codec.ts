import type { PayloadCodec } from '@temporalio/common'
import type { KeyRing } from './ring.ts'
import { open, seal, type Opened, type Payload } from './sealed.ts'

/** What is said of a payload that is not ours, in the error of whoever wanted to read it. */
const WHY: Record<Exclude<Opened, { ok: true }>['why'], string> = {
  not_ours: 'refused: it is not encrypted; send it through the codec endpoint',
  unknown_key: 'refused: it is encrypted under a key that is not in the codec ring',
  altered: 'refused: it was altered',
}

/**
 * Temporal's codec for client and worker: everything leaves encrypted, and nothing that is not ours is ever read. Throwing
 * here would fail the workflow task it came with, again and again: one plain argument from Temporal's command line would
 * stop a payment. So what is refused becomes a payload that no converter reads: an update is rejected, an activity fails,
 * a workflow's input or a signal's argument fails its task, each with these words and each before any of our code ran.
 */
export function makePayloadCodec(ring: KeyRing): PayloadCodec {
  return {
    encode: (payloads) => Promise.resolve(payloads.map((payload) => seal(ring, payload))),
    decode: (payloads) => Promise.resolve(payloads.map((payload) => openOrRefuse(ring, payload))),
  }
}

function openOrRefuse(ring: KeyRing, payload: Payload): Payload {
  const opened = open(ring, payload)
  return opened.ok ? opened.payload : { metadata: { encoding: Buffer.from(WHY[opened.why]) }, data: new Uint8Array(0) }
}
