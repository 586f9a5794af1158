import { randomBytes, webcrypto } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, generateKeyPair } from 'jose'
import type { Credential, HubReply, HubRequest } from '../../src/bus/messages.ts'
import type { Clock } from '../../src/domain/clock.ts'
import { makeIds } from '../../src/domain/ids.ts'
import { makeIdentity, readIdentityKeys, type Handler, type Identity } from '../../src/identity/index.ts'
import { openDatabase, type Sql } from '../../src/ledger/index.ts'
import { makeLog } from '../../src/observe/log.ts'
import type { OtpSender } from '../../src/rails/port.ts'
import { testDatabase } from '../support/run-servers.ts'

/** An operator that hands every password to the test, counts what it is asked and fails when told to. */
export type Operator = OtpSender & {
  /** The password last sent to a number. */
  otp(phone: string): string
  asked: number
  /** While set, it answers nothing else. */
  away: boolean
  /** Runs between a judgement and its answer. */
  beforeAnswer: () => Promise<void>
}

export function makeOperator(): Operator {
  const passwords = new Map<string, { otp: string; used: boolean }>()
  const lastOf = new Map<string, string>()
  const operator: Operator = {
    asked: 0,
    away: false,
    beforeAnswer: async () => {},
    otp: (phone) => lastOf.get(phone) ?? 'no password was sent to this number',
    send: async (phone) => {
      if (operator.away) return { kind: 'unavailable', why: 'the test says so' }
      const authenticationId = randomBytes(8).toString('hex')
      const otp = String(randomBytes(4).readUInt32BE() % 1_000_000).padStart(6, '0')
      passwords.set(authenticationId, { otp, used: false })
      lastOf.set(phone, otp)
      return { kind: 'sent', authenticationId }
    },
    check: async (authenticationId, otp) => {
      operator.asked += 1
      if (operator.away) return { kind: 'unavailable', why: 'the test says so' }
      const password = passwords.get(authenticationId)
      if (password === undefined || password.used) return { kind: 'expired' }
      if (password.otp !== otp) return { kind: 'wrong' }
      password.used = true
      await operator.beforeAnswer()
      return { kind: 'right' }
    },
  }
  return operator
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() }

export const ids = makeIds(
  () => Date.now(),
  (bytes) => randomBytes(bytes),
)

/** A keys directory of a hub, fresh. */
export async function hubKeys(): Promise<{ dir: string; remove: () => void }> {
  const dir = mkdtempSync(join(tmpdir(), 'mooring-keys-'))
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  writeFileSync(join(dir, 'tokens.jwk.json'), JSON.stringify({ ...(await exportJWK(privateKey)), kid: 'tokens-1' }))
  writeFileSync(join(dir, 'pepper.key'), randomBytes(32).toString('base64url'))
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) }
}

export type Stage = {
  /** As the hub's role. */
  sql: Sql
  /** As the superuser, to see and to arrange. */
  admin: Sql
  operator: Operator
  identity: Identity
  keysDir: string
  /** Another hub on the same database. */
  another(more?: Partial<Parameters<typeof makeIdentity>[0]>): Promise<Identity>
  close(): Promise<void>
}

export async function openStage(): Promise<Stage> {
  const database = await testDatabase()
  const sql = openDatabase({ url: database.url('mooring_hub'), name: 'test-hub', connections: 10 })
  const admin = openDatabase({ url: database.url('postgres'), name: 'test', connections: 2 })
  const keys = await hubKeys()
  const operator = makeOperator()
  const another: Stage['another'] = async (more = {}) =>
    makeIdentity({
      sql,
      clock: systemClock,
      ids,
      keys: await readIdentityKeys(keys.dir),
      otp: operator,
      simSwap: { date: () => Promise.resolve({ kind: 'unknown' }) },
      wakeRelay: () => {},
      env: 'test',
      caps: 'on',
      log: makeLog({ name: 'test', level: 'silent' }),
      ...more,
    })
  return {
    sql,
    admin,
    operator,
    identity: await another(),
    keysDir: keys.dir,
    another,
    close: async () => {
      await sql.end({ timeout: 1 })
      await admin.end({ timeout: 1 })
      await database.drop()
      keys.remove()
    },
  }
}

let asks = 0

export function ask(
  handler: Handler,
  body: unknown,
  more: { credential?: Credential; address?: string } = {},
): Promise<HubReply> {
  asks += 1
  const request: HubRequest = {
    requestId: `req_${String(asks).padStart(8, '0')}`,
    credential: more.credential ?? { type: 'none' },
    body,
    deadline: Date.now() + 10_000,
    address: more.address ?? `10.${asks % 250}.${Math.floor(asks / 250) % 250}.1`,
  }
  return handler(request)
}

/** The code of a refusal, or `ok`. */
export function codeOf(reply: HubReply): string {
  return reply.ok ? 'ok' : reply.error.code
}

let numbers = Number(String(Date.now()).slice(-7))

/** A number nobody had before in this run. */
export function freshPhone(): string {
  // Far from the one before: no two in ten thousand share the prefix that a cap counts by.
  numbers += 10_007
  return `+2547${String(numbers).padStart(8, '0').slice(-8)}`
}

export type TestKey = {
  publicKey: { kty: 'EC'; crv: 'P-256'; x: string; y: string }
  sign: (
    claims: unknown,
    header: { typ: string; kid?: string; alg?: string; [extra: string]: unknown },
  ) => Promise<string>
}

/** A device's key as a phone makes it. */
export async function makeKey(): Promise<TestKey> {
  const { publicKey, privateKey } = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ])
  const jwk = await webcrypto.subtle.exportKey('jwk', publicKey)
  const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return {
    publicKey: { kty: 'EC', crv: 'P-256', x: jwk.x ?? '', y: jwk.y ?? '' },
    sign: async (claims, header) => {
      const input = `${base64url({ alg: 'ES256', ...header })}.${base64url(claims)}`
      const signature = await webcrypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, privateKey, Buffer.from(input))
      return `${input}.${Buffer.from(signature).toString('base64url')}`
    },
  }
}

export const PROOF = 'mooring-proof+jwt'

/** The body of a positive reply; the test fails on any other. */
export function bodyOf(reply: HubReply): Record<string, string> {
  if (!reply.ok) throw new Error(`refused: ${reply.error.code} ${reply.error.param ?? ''} ${reply.error.message}`)
  return reply.body as Record<string, string> // every answer of identity is a flat object of strings
}

export async function beginEnrolment(
  identity: Identity,
  phone: string,
  key: TestKey,
  address?: string,
): Promise<string> {
  const body = { phone, device: { name: 'Test phone', public_key: key.publicKey } }
  const reply = await ask(identity.handlers['identity.enrol'], body, address === undefined ? {} : { address })
  return bodyOf(reply).id ?? ''
}

export async function verify(identity: Identity, enrolment: string, otp: string, key: TestKey): Promise<HubReply> {
  const proof = await key.sign({ aud: 'mooring:enrol', enrolment }, { typ: PROOF })
  return ask(identity.handlers['identity.verify'], { enrolment, otp, proof })
}

export type Enrolled = {
  phone: string
  key: TestKey
  user: string
  device: string
  restrictedUntil: string | undefined
}

export async function enrol(stage: Stage, phone = freshPhone(), key?: TestKey): Promise<Enrolled> {
  const ours = key ?? (await makeKey())
  const enrolment = await beginEnrolment(stage.identity, phone, ours)
  const body = bodyOf(await verify(stage.identity, enrolment, stage.operator.otp(phone), ours))
  return { phone, key: ours, user: body.user ?? '', device: body.device ?? '', restrictedUntil: body.restricted_until }
}

export async function tokenReply(identity: Identity, who: Enrolled, more: { nonce?: string; key?: TestKey } = {}) {
  const nonce = more.nonce ?? bodyOf(await ask(identity.handlers['identity.nonce'], undefined)).nonce
  const claims = { aud: 'mooring:token', sub: who.device, nonce }
  const proof = await (more.key ?? who.key).sign(claims, { typ: PROOF, kid: who.device })
  return ask(identity.handlers['identity.token'], { device: who.device, proof })
}

export async function tokenOf(identity: Identity, who: Enrolled): Promise<string> {
  return bodyOf(await tokenReply(identity, who)).access_token ?? ''
}
