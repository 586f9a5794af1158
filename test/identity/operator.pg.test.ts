import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import type { Identity } from '../../src/identity/index.ts'
import { makeLog } from '../../src/observe/log.ts'
import { makeCamaraOtpSender, readCamaraCredentials, type CamaraOtpSender } from '../../src/rails/camara/index.ts'
import { SimProcess } from '../support/sim-process.ts'
import {
  beginEnrolment,
  bodyOf,
  codeOf,
  freshPhone,
  makeKey,
  openStage,
  systemClock,
  verify,
  type Stage,
} from './stage.ts'

/** Sign-up through the real connector and the operator's simulator as a process. */

const TOKEN = 'control-token-of-this-test'
const CLIENT = JSON.stringify({ client_id: 'mooring', client_secret: 'a-secret-of-this-test' })
const Inbox = z.object({ data: z.array(z.object({ text: z.string() })) })

let stage: Stage
let dir: string
let operator: SimProcess
let otp: CamaraOtpSender
let identity: Identity

beforeAll(async () => {
  stage = await openStage()
  dir = mkdtempSync(join(tmpdir(), 'mooring-operator-'))
  mkdirSync(join(dir, 'keys'))
  writeFileSync(join(dir, 'keys', 'client.json'), CLIENT)
  writeFileSync(join(dir, 'keys', 'camara.json'), CLIENT)
  writeFileSync(join(dir, 'keys', 'control.token'), TOKEN)
  operator = new SimProcess('sim/camara/main.ts', { SIM_DATA: join(dir, 'data'), SIM_KEYS: join(dir, 'keys') })
  await operator.start()
  otp = makeCamaraOtpSender({
    baseUrl: `http://127.0.0.1:${operator.port}`,
    credentials: readCamaraCredentials(join(dir, 'keys')),
    clock: systemClock,
    log: makeLog({ name: 'test', level: 'silent' }),
  })
  identity = await stage.another({ otp })
})
afterAll(async () => {
  await otp.close()
  await operator.terminate()
  await stage.close()
  rmSync(dir, { recursive: true, force: true })
})

/** The password in the last message the phone received: its one run of six digits. */
async function received(phone: string): Promise<string> {
  const url = `http://127.0.0.1:${operator.controlPort}/control/sms?phone=${encodeURIComponent(phone)}`
  const inbox = await fetch(url, { headers: { authorization: `Bearer ${TOKEN}` } })
  const runs = Inbox.parse(await inbox.json()).data[0]?.text.match(/\d{6,}/g) ?? []
  expect(runs).toHaveLength(1)
  return runs[0] ?? ''
}

const wrongOf = (password: string) => (password === '000000' ? '000001' : '000000')

it('a phone signs up with the password it received, and again gets the same device', async () => {
  const [phone, key] = [freshPhone(), await makeKey()]
  const id = await beginEnrolment(identity, phone, key)
  const password = await received(phone)
  expect(codeOf(await verify(identity, id, wrongOf(password), key))).toBe('otp_wrong')
  const made = bodyOf(await verify(identity, id, password, key))
  expect(bodyOf(await verify(identity, id, password, key))).toEqual(made)
})

it('five wrong passwords use it up', async () => {
  const [phone, key] = [freshPhone(), await makeKey()]
  const id = await beginEnrolment(identity, phone, key)
  const password = await received(phone)
  for (let i = 0; i < 5; i++) expect(codeOf(await verify(identity, id, wrongOf(password), key))).toBe('otp_wrong')
  expect(codeOf(await verify(identity, id, password, key))).toBe('otp_exhausted')
})

it('two verifies at once make one device', async () => {
  const [phone, key] = [freshPhone(), await makeKey()]
  const id = await beginEnrolment(identity, phone, key)
  const password = await received(phone)
  const replies = await Promise.all([verify(identity, id, password, key), verify(identity, id, password, key)])
  expect(replies.map(codeOf)).toContain('ok')
  const [row] = await stage.admin<{ n: number }[]>`
    select count(*)::int as n from devices d join users u on u.id = d.user_id where u.phone = ${phone}`
  expect(row?.n).toBe(1)
})

it('an operator that was killed between sending and checking takes the password once it is back', async () => {
  const [phone, key] = [freshPhone(), await makeKey()]
  const id = await beginEnrolment(identity, phone, key)
  const password = await received(phone)
  await operator.kill()
  expect(codeOf(await verify(identity, id, password, key))).toBe('temporarily_unavailable')
  await operator.start()
  await expect.poll(async () => codeOf(await verify(identity, id, password, key)), { timeout: 10_000 }).toBe('ok')
})
