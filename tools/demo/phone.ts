import { randomInt } from 'node:crypto'
import { connect, enrol, generateDeviceKey, MooringError, type Mooring } from '../../clients/mobile/index.ts'
import { makeIban } from '../../src/domain/iban.ts'
import { smsTo } from './http.ts'
import { Surprise, type Patience } from './patience.ts'
import { line } from './screen.ts'
import type { Stack } from './stack.ts'

/** Enough of one: a national number of ten digits at a bank code that no bank has. */
const BANK_CODE = '88888888'

export type Phone = { name: string; number: string; client: Mooring; walletMinor: bigint }

/** A person with a new number: enrols, connects, starts with an empty wallet. */
export async function newPhone(stack: Stack, patience: Patience, name: string): Promise<Phone> {
  const { bridge, edge, sim } = stack.dev
  const started = performance.now()
  const { number, identity, key } = await patience.until(`${name} to be enrolled`, async () => {
    const number_ = `+2547${digits(8)}`
    const key_ = await generateDeviceKey()
    const tried = new Set<string>()
    const readOtp = () =>
      patience.until(`the SMS to ${number_}`, async () => {
        const texts = await smsTo(patience, sim.camara, number_)
        const otp = texts.map((text) => /\b\d{6}\b/.exec(text)?.[0]).find((one) => one !== undefined && !tried.has(one))
        if (otp !== undefined) tried.add(otp)
        return otp
      })
    try {
      const made = await enrol({ bridge, phone: number_, deviceName: `${name}'s phone`, key: key_, readOtp })
      return { number: number_, identity: made, key: key_ }
    } catch (error) {
      if (error instanceof MooringError && (error.retryable || error.code.startsWith('otp_'))) return undefined
      throw asSurprise(`${name} could not be enrolled`, error)
    }
  })
  const client = await patience.within(`${name} to be connected`, connect({ url: edge, bridge, identity, key }))
  const ms = Math.round(performance.now() - started)
  line(name, `${number}  ${client.user}  enrolled and connected in ${ms} ms`)
  return { name, number, client, walletMinor: 0n }
}

/** Links a bank account; the source's id. */
export async function linkAccount(stack: Stack, patience: Patience, phone: Phone, account: string): Promise<string> {
  const started = performance.now()
  const { bank } = stack.dev.sim.bank
  const linking = phone.client.linkBank({ bank, account })
  const source = await patience.within(`${account} to be linked`, linking).catch((error: unknown) => {
    throw asSurprise(`The account ${account} could not be linked`, error)
  })
  if (source.status !== 'active')
    throw new Surprise(`The account ${account} was linked as ${source.status}, not active.`)
  line('', `${source.label} linked in ${Math.round(performance.now() - started)} ms`)
  return source.id
}

/** Links the mobile money account of a phone's own number; the source's id. */
export async function linkMobileMoney(stack: Stack, patience: Patience, phone: Phone): Promise<string> {
  const started = performance.now()
  const { operator } = stack.dev.sim.gsma
  const linking = phone.client.linkMobileMoney({ operator })
  const source = await patience.within('mobile money to be linked', linking).catch((error: unknown) => {
    throw asSurprise(`${phone.name}'s mobile money could not be linked`, error)
  })
  if (source.status !== 'active') throw new Surprise(`Mobile money was linked as ${source.status}, not active.`)
  line('', `${source.label} linked in ${Math.round(performance.now() - started)} ms`)
  return source.id
}

/** An account nobody has used, which the bank opens with its default balance. */
export function newAccount(): string {
  return makeIban('DE', `${BANK_CODE}${digits(10)}`)
}

export function asSurprise(what: string, error: unknown): Surprise {
  if (error instanceof Surprise) return error
  if (!(error instanceof MooringError)) return new Surprise(`${what}: ${String(error)}`, { cause: error })
  const param = error.param === null ? '' : `, ${error.param}`
  return new Surprise(`${what}: ${error.code}${param} (${error.message}).`, { cause: error })
}

function digits(n: number): string {
  return Array.from({ length: n }, () => randomInt(10)).join('')
}
