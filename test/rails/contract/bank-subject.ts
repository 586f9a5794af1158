import { randomBytes, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { makeIban } from '../../../src/domain/iban.ts'
import { makeIso20022Rail, readIso20022Keys } from '../../../src/rails/iso20022/index.ts'
import type { BankRail } from '../../../src/rails/port.ts'
import { ed25519, makeAuthority, makeOrder, PLATFORM } from '../support/bank.ts'
import { startSimulator, writeKeys } from '../support/sim.ts'
import { controlOf } from './control.ts'
import { openInbox } from './inbox.ts'
import type { Row, Running, Subject } from './subject.ts'

/** The bank connector and the bank simulator as a process. The two share no code. */

const CONTROL_TOKEN = 'control-token-of-this-test'

export const magicIban = (nn: number): string => makeIban('DE', `99999999${String(nn).padStart(10, '0')}`)

export async function startBankRail(): Promise<Running & { rail: BankRail; bankKey: ReturnType<typeof ed25519> }> {
  const dir = mkdtempSync(join(tmpdir(), 'mooring-sim-'))
  const authority = await makeAuthority('Sim CA')
  const server = await authority.issue('localhost')
  const client = await authority.issue('mooring')
  const [ours, banks] = [ed25519('mooring-1'), ed25519('bank-1')]
  const hubKeys = writeKeys(dir, 'hub', {
    'bank-ca.crt': authority.certificate,
    'bank-client.crt': client.certificate,
    'bank-client.key': client.key,
    'bank-sign.jwk.json': ours.privateJwk,
    'bank-verify.jwk.json': banks.publicJwk,
  })
  const simKeys = writeKeys(dir, 'sim-bank', {
    'ca.crt': authority.certificate,
    'server.crt': server.certificate,
    'server.key': server.key,
    'sign.jwk.json': banks.privateJwk,
    'peer-verify.jwk.json': ours.publicJwk,
    'peer-fingerprint': new X509Certificate(client.certificate).fingerprint256.replaceAll(':', '').toLowerCase(),
    'control.token': CONTROL_TOKEN,
  })
  const inbox = await openInbox('/v1/rails/iso20022/callbacks')
  const bank = await startSimulator('sim/bank/main.ts', {
    SIM_DATA: join(dir, 'data'),
    SIM_KEYS: simKeys,
    SIM_CALLBACK_URL: inbox.url,
  })
  const registry = new Registry()
  const rail = makeIso20022Rail({
    id: 'demo-bank',
    baseUrl: `https://localhost:${bank.port}`,
    callbackUrl: inbox.url,
    platform: PLATFORM,
    keys: readIso20022Keys(hubKeys),
    clock: { now: () => Date.now(), monotonic: () => performance.now() },
    log: pino({ level: 'silent' }),
    registry,
  })
  inbox.readBy(rail)
  return {
    rail,
    // With which the bank signs, for those who speak in its name.
    bankKey: banks,
    registry,
    inbox,
    control: controlOf(`http://127.0.0.1:${bank.controlPort ?? 0}/control`, CONTROL_TOKEN),
    makeOrder: (operation, nn) =>
      makeOrder({
        operation,
        reference: `c${randomBytes(10).toString('hex')}`,
        account: { type: 'iban', iban: magicIban(nn), holder: 'Wanjiru Kamau' },
      }),
    stop: async () => {
      await rail.close()
      await bank.stop()
      await inbox.stop()
      rmSync(dir, { recursive: true })
    },
  }
}

/** Of a bank alone: reservations that expire are the operators'. */
function adjust(row: Row, operation: string): Row | null {
  if (row.fault?.kind === 'expire') return null
  // A return of a return does not exist.
  if (row.fault?.kind === 'return_later' && operation === 'refund') return null
  // The account that lacks the money is then our own.
  if (row.code === 'insufficient_funds' && operation !== 'collect')
    return { ...row, code: 'declined_by_rail', alarm: true }
  return row
}

export const BANK: Subject = {
  name: 'the bank',
  start: startBankRail,
  offers: ['collect', 'payOut', 'refund'],
  adjust,
  callbacks: 'state',
  inquiryFaults: [
    { kind: 'drop_before' },
    { kind: 'drop_after' },
    { kind: 'hang_after', s: 30 },
    ...[500, 503].map((status) => ({ kind: 'error_after', status })),
    ...['truncated', 'html', 'empty', 'bad_schema', 'wrong_type'].map((mode) => ({ kind: 'malformed', mode })),
    ...['wrong_key', 'stale', 'digest', 'missing', 'replayed'].map((mode) => ({ kind: 'bad_signature', mode })),
    ...['amount', 'currency', 'reference'].map((field) => ({ kind: 'wrong_content', field })),
    { kind: 'inquiry_fail' },
  ],
  forgeries: [
    ['another word for it', (message) => ({ ...message, body: replaced(message.body, 'ACSC', 'RJCT') })],
    ['one byte more', (message) => ({ ...message, body: Buffer.concat([message.body, Buffer.from(' ')]) })],
    ['unsigned', (message) => ({ ...message, headers: { 'content-type': 'application/xml' } })],
    ['to another address', (message) => ({ ...message, targetUri: `${message.targetUri}0` })],
    ['played again', (message) => message],
  ],
}

function replaced(body: Uint8Array, from: string, to: string): Buffer {
  return Buffer.from(Buffer.from(body).toString().replace(from, to))
}
