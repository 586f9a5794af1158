import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { makeCamaraOtpSender, readCamaraCredentials, type CamaraOtpSender } from '../../src/rails/camara/index.ts'
import { startSimulator, writeKeys, type Simulator } from './support/sim.ts'

/** The connector against the operator simulator as a process; the two share no code. */

const CONTROL_TOKEN = 'control-token-of-this-test'
const CLIENT = JSON.stringify({ client_id: 'mooring', client_secret: 'a-secret-of-this-test' })
const Messages = z.object({ data: z.array(z.object({ phone: z.string(), text: z.string() })) })

let dir: string
let operator: Simulator
let sender: CamaraOtpSender

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'mooring-sim-'))
  const hub = writeKeys(dir, 'hub', { 'camara.json': CLIENT })
  operator = await startSimulator('sim/camara/main.ts', {
    SIM_DATA: join(dir, 'data'),
    SIM_KEYS: writeKeys(dir, 'sim-camara', { 'client.json': CLIENT, 'control.token': CONTROL_TOKEN }),
  })
  sender = makeCamaraOtpSender({
    baseUrl: `http://127.0.0.1:${operator.port}`,
    credentials: readCamaraCredentials(hub),
    clock: { now: () => Date.now(), monotonic: () => performance.now() },
    log: pino({ level: 'silent' }),
  })
}, 30_000)

afterAll(async () => {
  await sender.close()
  await operator.stop()
  rmSync(dir, { recursive: true })
})

const signal = () => AbortSignal.timeout(5_000)

/** Sends a code and looks into the phone for it. */
async function sent(phone: string): Promise<{ authenticationId: string; otp: string }> {
  const answer = await sender.send(phone, signal())
  if (answer.kind !== 'sent') throw new Error(answer.why)
  const inbox = await fetch(`http://127.0.0.1:${operator.port}/control/sms?phone=${encodeURIComponent(phone)}`, {
    headers: { authorization: `Bearer ${CONTROL_TOKEN}` },
  })
  const otp = /\d{4,10}/.exec(Messages.parse(await inbox.json()).data[0]?.text ?? '')?.[0]
  if (otp === undefined) throw new Error('no code in the message')
  return { authenticationId: answer.authenticationId, otp }
}

const wrongOf = (otp: string): string => otp.replace(/^./, (digit) => String((Number(digit) + 1) % 10))

it('the code a phone receives is right, once', async () => {
  const { authenticationId, otp } = await sent('+254700000001')
  expect(await sender.check(authenticationId, otp, signal())).toEqual({ kind: 'right' })
  expect((await sender.check(authenticationId, otp, signal())).kind).not.toBe('right')
})

it('another code is wrong, until the tries are used up', async () => {
  const { authenticationId, otp } = await sent('+254700000002')
  expect(await sender.check(authenticationId, wrongOf(otp), signal())).toEqual({ kind: 'wrong' })
  const kinds = new Set<string>()
  for (let i = 0; i < 10; i++) kinds.add((await sender.check(authenticationId, wrongOf(otp), signal())).kind)
  expect(kinds).toContain('exhausted')
  expect((await sender.check(authenticationId, otp, signal())).kind).not.toBe('right')
})

it('a check of nothing sent is no verdict', async () => {
  expect(await sender.check('00000000-0000-4000-8000-000000000000', '123456', signal())).toMatchObject({
    kind: 'unavailable',
  })
})
