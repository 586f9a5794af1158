import 'reflect-metadata'
import { createHash, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'

/** Throw-away keys for a bank and its client: what tools/keys.ts makes for a checkout, made for one test. */

export type ClientKeys = {
  ca: string
  cert: string
  key: string
  sign: KeyObject
  signKid: string
  bankVerify: KeyObject
  bankKid: string
}
export type TestKeys = { directory: string; controlToken: string; client: ClientKeys; stranger: ClientKeys }

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const DAY_MS = 86_400_000

async function pair() {
  return crypto.subtle.generateKey(EC, true, ['sign', 'verify'])
}

async function pem(key: CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')
}

export async function makeBankKeys(directory: string): Promise<TestKeys> {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const span = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + DAY_MS) }
  const caKeys = await pair()
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...span,
    name: 'CN=test ca',
    keys: caKeys,
    signingAlgorithm: EC,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  })
  const issue = async (name: string) => {
    const keys = await pair()
    const certificate = await x509.X509CertificateGenerator.create({
      ...span,
      subject: `CN=${name}`,
      issuer: ca.subject,
      publicKey: keys.publicKey,
      signingKey: caKeys.privateKey,
      signingAlgorithm: EC,
      extensions: [
        new x509.SubjectAlternativeNameExtension([
          { type: 'dns', value: 'localhost' },
          { type: 'ip', value: '127.0.0.1' },
        ]),
      ],
    })
    return { cert: certificate.toString('pem'), der: Buffer.from(certificate.rawData), key: await pem(keys.privateKey) }
  }
  const server = await issue('localhost')
  const client = await issue('client')
  const stranger = await issue('stranger')
  const bankSign = generateKeyPairSync('ed25519')
  const clientSign = generateKeyPairSync('ed25519')
  const controlToken = randomBytes(24).toString('base64url')
  const file = (name: string, content: string) => writeFileSync(join(directory, name), content, { mode: 0o600 })
  const caPem = ca.toString('pem')
  file('ca.crt', caPem)
  file('server.crt', server.cert)
  file('server.key', server.key)
  file('sign.jwk.json', JSON.stringify({ ...bankSign.privateKey.export({ format: 'jwk' }), kid: 'bank-1' }))
  file('peer-verify.jwk.json', JSON.stringify({ ...clientSign.publicKey.export({ format: 'jwk' }), kid: 'client-1' }))
  file('peer-fingerprint', createHash('sha256').update(client.der).digest('hex'))
  file('control.token', controlToken)
  const common = {
    ca: caPem,
    sign: clientSign.privateKey,
    signKid: 'client-1',
    bankVerify: bankSign.publicKey,
    bankKid: 'bank-1',
  }
  return {
    directory,
    controlToken,
    client: { ...common, cert: client.cert, key: client.key },
    stranger: { ...common, cert: stranger.cert, key: stranger.key },
  }
}
