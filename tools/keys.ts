import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'
import { NATS_ROLES } from './servers/nats.ts'
import { DATABASE_ROLES } from './servers/postgres/roles.ts'

/**
 * Development keys: random for each data directory, made once, kept between
 * starts, readable by their owner alone. Each role gets a directory with what
 * it needs and nothing of the others.
 *
 *   hub/         tokens.jwk.json, claim.key, pepper.key, camara.json, camara-callback.key, codec.json, codes.json,
 *                bank-ca.crt, bank-client.{crt,key}, bank-sign.jwk.json, bank-verify.jwk.json
 *   sim-bank/    ca.crt, server.{crt,key}, sign.jwk.json, peer-verify.jwk.json, peer-fingerprint, control.token
 *   sim-camara/  client.json, control.token
 *   sim-gsma/    client.json, control.token; the hub has gsma.json
 *   ops/         codec.json, the hub's
 *   edge/ bridge/ relay/   nothing yet
 *   setup/       merchants.json, operators.json
 *   nats/<role>.password, postgres/<role>.password
 */

const SECRET_BYTES = 32
const DEMO_MERCHANTS = ['Harbour Coffee', 'Lantern Books']
const DEMO_FEE_BASIS_POINTS = 150
const DATABASE_USERS = ['superuser', ...DATABASE_ROLES]

/** Two, so that what needs two people can be tried. */
const DEMO_OPERATORS = [
  { name: 'amara', person: 'staff-0001' },
  { name: 'joseph', person: 'staff-0002' },
]

const secret = (): string => randomBytes(SECRET_BYTES).toString('base64url')

type KeyPair = { privateJwk: JWK; publicJwk: JWK }

/** A signing pair as JWKs that carry their RFC 7638 thumbprint as kid. */
async function signingPair(alg: 'ES256' | 'EdDSA'): Promise<KeyPair> {
  const pair = await generateKeyPair(alg, { extractable: true })
  const publicJwk = await exportJWK(pair.publicKey)
  const kid = await calculateJwkThumbprint(publicJwk)
  const meta = { kid, alg, use: 'sig' }
  return { privateJwk: { ...(await exportJWK(pair.privateKey)), ...meta }, publicJwk: { ...publicJwk, ...meta } }
}

const json = (value: unknown): string => JSON.stringify(value, undefined, 2)

/** Every file by its path below the keys directory. */
async function everyFile(): Promise<Record<string, string>> {
  // Loaded only when keys are made: it is the heaviest thing a start would load.
  const { developmentCertificates } = await import('./certificates.ts')
  const [tokens, ours, banks, certificates] = await Promise.all([
    signingPair('ES256'),
    signingPair('EdDSA'),
    signingPair('EdDSA'),
    developmentCertificates(),
  ])
  const codec = keyRing()
  const camaraClient = json({ client_id: 'mooring-dev', client_secret: secret() })
  const passwords = (dir: string, names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [`${dir}/${name}.password`, secret()]))
  return {
    'hub/tokens.jwk.json': json(tokens.privateJwk),
    'hub/claim.key': secret(),
    'hub/pepper.key': secret(),
    'hub/camara.json': camaraClient,
    'hub/codec.json': codec,
    'ops/codec.json': codec,
    'hub/codes.json': keyRing(),
    'hub/camara-callback.key': secret(),
    'hub/bank-ca.crt': certificates.ca,
    'hub/bank-client.crt': certificates.client.certificate,
    'hub/bank-client.key': certificates.client.key,
    'hub/bank-sign.jwk.json': json(ours.privateJwk),
    'hub/bank-verify.jwk.json': json(banks.publicJwk),
    'sim-bank/ca.crt': certificates.ca,
    'sim-bank/server.crt': certificates.server.certificate,
    'sim-bank/server.key': certificates.server.key,
    'sim-bank/sign.jwk.json': json(banks.privateJwk),
    'sim-bank/peer-verify.jwk.json': json(ours.publicJwk),
    'sim-bank/peer-fingerprint': createHash('sha256').update(certificates.client.der).digest('hex'),
    'sim-bank/control.token': secret(),
    'sim-camara/client.json': camaraClient,
    'sim-camara/control.token': secret(),
    'setup/merchants.json': json(
      DEMO_MERCHANTS.map((name) => ({
        name,
        secret_key: `sk_test_${secret()}`,
        fee_basis_points: DEMO_FEE_BASIS_POINTS,
      })),
    ),
    'setup/operators.json': operators(),
    ...moneyKeys(),
    ...passwords('nats', NATS_ROLES),
    ...passwords('postgres', DATABASE_USERS),
  }
}

/** What the demo's desk beside the wallet page needs: to read the operator's messages, and to charge as a merchant. */
const DESK: Record<string, string> = {
  'pages/sms.token': 'sim-camara/control.token',
  'pages/merchants.json': 'setup/merchants.json',
}

/** Keys by their id (src/codec/ring.ts): those of payloads in Temporal, which hub and ops service share, and those of codes. */
function keyRing(): string {
  const id = `dev-${randomBytes(4).toString('hex')}`
  return json({ writes: id, keys: { [id]: secret() } })
}

const operators = (): string => json(DEMO_OPERATORS.map((each) => ({ ...each, password: secret() })))

/** What hub and mobile money operator know each other by; the hub's last, as the sign that all are there. */
function moneyKeys(): Record<string, string> {
  const shared = {
    client_id: 'mooring-dev',
    client_secret: secret(),
    api_key: secret(),
    callback_api_key: secret(),
  }
  return {
    'sim-gsma/client.json': json({ ...shared, account_id: 'mooring' }),
    'sim-gsma/control.token': secret(),
    'hub/gsma.json': json(shared),
  }
}

/** What came to be after the keys of an earlier release were made. */
function addLaterKeys(keysDir: string): void {
  const add = (path: string, text: () => string) => {
    const whole = join(keysDir, path)
    if (existsSync(whole)) return
    mkdirSync(dirname(whole), { recursive: true, mode: 0o700 })
    writeFileSync(whole, `${text()}\n`, { mode: 0o600 })
  }
  add('hub/camara-callback.key', secret)
  add('hub/codec.json', keyRing)
  add('ops/codec.json', () => readFileSync(join(keysDir, 'hub/codec.json'), 'utf8').trimEnd())
  add('hub/codes.json', keyRing)
  add('setup/operators.json', operators)
  for (const [path, of] of Object.entries(DESK)) add(path, () => readFileSync(join(keysDir, of), 'utf8').trimEnd())
  for (const name of DATABASE_USERS) add(`postgres/${name}.password`, secret)
  if (existsSync(join(keysDir, 'hub/gsma.json'))) return
  for (const [path, text] of Object.entries(moneyKeys())) {
    // Halves of two pairs would not know each other.
    rmSync(join(keysDir, path), { force: true })
    add(path, () => text)
  }
}

const EMPTY_FOR_NOW = ['edge', 'bridge', 'relay']

/** Makes the keys where there are none. They appear whole or not at all. */
export async function ensureKeys(keysDir: string): Promise<void> {
  if (existsSync(keysDir)) {
    addLaterKeys(keysDir)
    return
  }
  const partial = `${keysDir}.partial`
  rmSync(partial, { recursive: true, force: true })
  const makeDir = (dir: string) => {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    chmodSync(dir, 0o700)
  }
  makeDir(partial)
  for (const role of EMPTY_FOR_NOW) makeDir(join(partial, role))
  for (const [path, text] of Object.entries(await everyFile())) {
    makeDir(dirname(join(partial, path)))
    writeFileSync(join(partial, path), `${text}\n`, { mode: 0o600 })
  }
  addLaterKeys(partial)
  renameSync(partial, keysDir)
}
