import { beforeEach, describe, expect, it } from 'vitest'
import { signingKey, verificationKeys } from '../../src/rails/iso20022/keys.ts'
import { signRequest, verifyRequest, verifyResponse, type SignedRequest } from '../../src/rails/iso20022/signature.ts'
import { digest, ed25519, signAnswer, signLines, type Question, type Signing } from './support/bank.ts'

/** RFC 9421 by the profile of connectors.md §1.4; the bank's side is written out by hand in ./support. */

const NOW_MS = Date.UTC(2026, 10, 23, 9)
const NOW_S = NOW_MS / 1000
const ours = ed25519('mooring-1')
const banks = ed25519('bank-1')
const strangers = ed25519('bank-1')
const ourKey = signingKey(ours.privateJwk)
const banksPublicKey = verificationKeys(banks.publicJwk)
const URI = 'https://localhost:7511/iso20022/messages'
const BODY = Buffer.from('<Document/>')

const ask = (body = BODY): SignedRequest =>
  signRequest({ method: 'POST', targetUri: URI, content: { type: 'application/xml', body } }, ourKey, NOW_MS, 'bm9uY2U')
const questionOf = (request: SignedRequest): Question => ({ ...request, body: BODY })
const by = (more: Partial<Signing> = {}): Signing => ({
  key: banks.privateKey,
  keyId: banks.id,
  createdS: NOW_S,
  ...more,
})

describe('a request of ours', () => {
  it('has the profile’s components and parameters, and verifies with our public key', () => {
    const request = ask()
    expect(request.headers['signature-input']).toBe(
      `m=("@method" "@target-uri" "content-type" "content-digest");created=${NOW_S};expires=${NOW_S + 300}` +
        `;nonce="bm9uY2U";keyid="mooring-1";alg="ed25519";tag="mooring-iso20022"`,
    )
    expect(request.headers['content-digest']).toBe(digest(BODY))
    const message = { ...request, body: BODY }
    expect(verifyRequest(message, verificationKeys(ours.publicJwk), NOW_MS)).toEqual({
      ok: true,
      value: { nonce: 'bm9uY2U' },
    })
  })
})

describe('an answer', () => {
  const body = '<Document>yes</Document>'
  let request: SignedRequest
  beforeEach(() => {
    request = ask()
  })
  const answer = (signing: Signing = by(), to = questionOf(request)) => ({
    status: 200,
    headers: signAnswer({ status: 200, contentType: 'application/xml', body }, to, signing),
    body: Buffer.from(body),
  })
  const verdict = (came: ReturnType<typeof answer>, nowMs = NOW_MS) =>
    verifyResponse(came, request, banksPublicKey, nowMs)

  it('signed by the bank for this question is accepted', () => {
    expect(verdict(answer())).toEqual({ ok: true, value: undefined })
  })

  it('with another body is refused', () => {
    expect(verdict({ ...answer(), body: Buffer.from(body.replace('yes', 'no!')) }).ok).toBe(false)
  })

  it('with another body and its right digest is refused', () => {
    const forged = '<Document>no!</Document>'
    const came = answer()
    const headers = { ...came.headers, 'content-digest': digest(forged) }
    expect(verdict({ ...came, headers, body: Buffer.from(forged) }).ok).toBe(false)
  })

  it('to another question is refused, even one with the same content', () => {
    const other = signRequest(
      { method: 'POST', targetUri: URI, content: { type: 'application/xml', body: BODY } },
      ourKey,
      NOW_MS,
      'b3RoZXI',
    )
    expect(verdict(answer(by(), questionOf(other))).ok).toBe(false)
    expect(verdict(answer(by(), { ...questionOf(request), targetUri: `${URI}?x` })).ok).toBe(false)
    expect(verdict(answer(by(), { ...questionOf(request), method: 'PUT' })).ok).toBe(false)
  })

  it('under another status is refused', () => {
    expect(verdict({ ...answer(), status: 202 }).ok).toBe(false)
  })

  it.each([NOW_S - 301, NOW_S + 301])('created at %i is too far from now', (createdS) => {
    expect(verdict(answer(by({ createdS, expiresS: NOW_S + 600 }))).ok).toBe(false)
  })

  it('past its expiry is refused', () => {
    expect(verdict(answer(by({ createdS: NOW_S - 100, expiresS: NOW_S - 1 }))).ok).toBe(false)
  })

  it.each([
    '"@status"',
    '"content-type"',
    '"content-digest"',
    '"@method";req',
    '"@target-uri";req',
    '"content-digest";req',
    '"signature";req;key="m"',
  ])('that leaves %s unsigned is refused', (component) => {
    expect(verdict(answer(by({ without: [component] })))).toEqual({
      ok: false,
      error: `signature does not cover ${component}`,
    })
  })

  it('that covers a header it does not have, or one twice, is refused', () => {
    const lines: [string, string][] = [
      ['"@status"', '200'],
      ['"@status"', '200'],
      ['"date"', 'x'],
    ]
    const came = answer()
    expect(verdict({ ...came, headers: { ...came.headers, ...signLines(lines, by()) } }).ok).toBe(false)
  })

  it('by another key under the bank’s name is refused', () => {
    expect(verdict(answer(by({ key: strangers.privateKey }))).ok).toBe(false)
  })

  it('under another key’s name is refused', () => {
    expect(verdict(answer(by({ keyId: 'bank-2' }))).ok).toBe(false)
  })

  it.each(['hmac-sha256', 'rsa-pss-sha512', 'ecdsa-p256-sha256', 'none', 'ED25519'])(
    'that claims algorithm %s is refused',
    (alg) => {
      expect(verdict(answer(by({ alg }))).ok).toBe(false)
    },
  )

  it('for another purpose is refused', () => {
    expect(verdict(answer(by({ tag: 'something-else' }))).ok).toBe(false)
  })

  it.each<[string, Record<string, string | string[] | undefined>]>([
    ['no signature', { signature: undefined }],
    ['no input', { 'signature-input': undefined }],
    ['no digest', { 'content-digest': undefined }],
    ['two signature headers', { signature: ['m=:AAAA:', 'm=:AAAA:'] }],
    ['a signature under another label', { signature: 'x=:AAAA:' }],
    ['an ill-formed signature', { signature: 'm=AAAA' }],
    ['an ill-formed input', { 'signature-input': 'm=("@status"' }],
    ['an input that is no list', { 'signature-input': 'm="@status"' }],
    ['an empty signature', { signature: 'm=::' }],
    ['a digest of another kind', { 'content-digest': 'md5=:AAAA:' }],
    ['a short digest', { 'content-digest': 'sha-256=:AAAA:' }],
  ])('with %s is refused', (_what, headers) => {
    const came = answer()
    expect(
      verifyResponse({ ...came, headers: { ...came.headers, ...headers } }, request, banksPublicKey, NOW_MS).ok,
    ).toBe(false)
  })
})

describe('keys', () => {
  it.each([
    ['a symmetric key', { kty: 'oct', k: 'AAAA', kid: 'bank-1' }],
    ['an EC key', { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43), kid: 'bank-1' }],
    ['a key without a name', JSON.parse(banks.publicJwk.replace('"kid"', '"x-kid"')) as object], // text of our own
  ])('%s is no verification key', (_what, jwk) => {
    expect(() => verificationKeys(JSON.stringify(jwk))).toThrow()
  })

  it('a public key does not sign', () => {
    expect(() => signingKey(ours.publicJwk)).toThrow()
  })
})
