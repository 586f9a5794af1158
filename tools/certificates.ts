// First: what @peculiar/x509 is built on asks for it when it is loaded.
import 'reflect-metadata'
import { randomBytes } from 'node:crypto'
import * as x509 from '@peculiar/x509'

export type Issued = { certificate: string; key: string; der: Uint8Array }
export type DevelopmentCertificates = { ca: string; server: Issued; client: Issued }

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const YEARS = 10
const DAY_MS = 86_400_000

function validity(): { notBefore: Date; notAfter: Date } {
  const now = Date.now()
  // A day back: a machine whose clock is turned back a little still finds them valid.
  return { notBefore: new Date(now - DAY_MS), notAfter: new Date(now + YEARS * 365 * DAY_MS) }
}

/** RFC 5280 4.1.2.2: positive, at most 20 octets. */
function serialNumber(): string {
  return `01${randomBytes(15).toString('hex')}`
}

function pem(label: string, der: ArrayBuffer): string {
  return x509.PemConverter.encode(der, label)
}

/**
 * A certificate authority, whose key is forgotten at once, a server certificate
 * for localhost and a client certificate for mutual TLS with the bank. EC P-256.
 */
export async function developmentCertificates(): Promise<DevelopmentCertificates> {
  x509.cryptoProvider.set(crypto)
  const newKeys = () => crypto.subtle.generateKey(EC, true, ['sign', 'verify'])
  const caKeys = await newKeys()
  const caName = 'CN=Mooring development CA'
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: caName,
    ...validity(),
    signingAlgorithm: EC,
    keys: caKeys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  })

  const issue = async (subject: string, extensions: x509.Extension[]): Promise<Issued> => {
    const keys = await newKeys()
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject,
      issuer: caName,
      ...validity(),
      signingAlgorithm: EC,
      publicKey: keys.publicKey,
      signingKey: caKeys.privateKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        await x509.AuthorityKeyIdentifierExtension.create(caKeys.publicKey),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
        ...extensions,
      ],
    })
    const key = await crypto.subtle.exportKey('pkcs8', keys.privateKey)
    return {
      certificate: certificate.toString('pem'),
      key: pem('PRIVATE KEY', key),
      der: new Uint8Array(certificate.rawData),
    }
  }

  return {
    ca: ca.toString('pem'),
    server: await issue('CN=localhost', [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'dns', value: 'localhost' },
        { type: 'dns', value: 'sim-bank' }, // its name in docker-compose.yml
        { type: 'ip', value: '127.0.0.1' },
      ]),
    ]),
    client: await issue('CN=mooring', [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])]),
  }
}
