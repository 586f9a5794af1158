import { createHmac } from 'node:crypto'
import * as fc from 'fast-check'
import { CompactEncrypt, importJWK, type JWK } from 'jose'
import { describe, expect, it } from 'vitest'
import { codeKey, customerCode, type CodeMaker } from '../../../clients/mobile/index.ts'
import { openJwe, receivingPair } from '../../../clients/mobile/jwe.ts'
import { connectTo, payment, startServer } from './harness.ts'

const SECRET = Uint8Array.from({ length: 32 }, (_, i) => i)

async function encrypted(plain: Uint8Array, key: JWK, header: object = {}): Promise<string> {
  return new CompactEncrypt(plain)
    .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM', ...header })
    .encrypt(await importJWK(key, 'ECDH-ES'))
}

async function maker(number = '123456789'): Promise<CodeMaker> {
  return { number, key: await codeKey(SECRET), step_s: 30, no_touch_max: '200000' }
}

describe('a code made on the phone', () => {
  it.each([
    ['000000007', 0, '29000000007750049204', 30_000],
    ['123456789', 59_999_999 * 30_000 + 29_999, '29123456789770880435', 1_800_000_000_000],
    ['000000018', 1_800_000_000_000, '29000000018003274035', 1_800_000_030_000],
  ])('of number %s at %d ms is %s', async (number, now_ms, code, expires_ms) => {
    expect(await customerCode(await maker(number), now_ms)).toEqual({ code, expires_ms })
  })

  it('is the one that Node’s own HMAC makes, whatever the secret', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.nat(), async (secret, step) => {
        const key = await codeKey(Uint8Array.from(secret))
        const message = Buffer.concat([Buffer.from('mooring:code123456789'), Buffer.alloc(8)])
        message.writeBigUInt64BE(BigInt(step), message.length - 8)
        const mac = createHmac('sha256', secret).update(message).digest().readBigUInt64BE(0)
        const { code } = await customerCode({ ...(await maker()), key }, step * 30_000)
        expect(code).toBe(`29123456789${String(mac % 1_000_000_000n).padStart(9, '0')}`)
      }),
      { numRuns: 50 },
    )
  })
})

describe('a secret that comes encrypted', () => {
  it('is opened as jose sealed it, with and without names of the parties', async () => {
    const pair = await receivingPair()
    const key = await crypto.subtle.exportKey('jwk', pair.publicKey)
    expect(await openJwe(await encrypted(SECRET, key as JWK), pair.privateKey)).toEqual(SECRET)
    const named = await new CompactEncrypt(SECRET)
      .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM' })
      .setKeyManagementParameters({ apu: new TextEncoder().encode('Alice'), apv: new TextEncoder().encode('Bob') })
      .encrypt(await importJWK(key as JWK, 'ECDH-ES'))
    expect(await openJwe(named, pair.privateKey)).toEqual(SECRET)
  })

  it('is refused where it was altered, is for another key, or is sealed otherwise', async () => {
    const [ours, theirs] = [await receivingPair(), await receivingPair()]
    const key = (await crypto.subtle.exportKey('jwk', ours.publicKey)) as JWK
    const good = await encrypted(SECRET, key)
    const parts = good.split('.')
    const flipped = parts.map((part, i) =>
      parts.with(i, part.startsWith('A') ? `B${part.slice(1)}` : `A${part.slice(1)}`).join('.'),
    )
    const others = [await encrypted(SECRET, key, { enc: 'A128GCM' }), 'a.b', '', '....', `${parts[0] ?? ''}....`]
    for (const bad of [...flipped, ...others]) {
      await expect(openJwe(bad, ours.privateKey)).rejects.toMatchObject({ code: 'protocol_fault' })
    }
    await expect(openJwe(good, theirs.privateKey)).rejects.toMatchObject({ code: 'protocol_fault' })
  })
})

describe('a client', () => {
  it('registers by a signed action, and makes the codes of the secret that came', async () => {
    const server = await startServer()
    server.onCommand = (cmd, reply) => {
      void encrypted(SECRET, cmd.body['key'] as JWK).then((secret_jwe) =>
        reply({
          t: 'reply',
          id: cmd.id,
          ok: true,
          body: { number: '123456789', secret_jwe, step_s: 30, no_touch_max: '200000' },
        }),
      )
    }
    const client = await connectTo(server)
    const made = await client.registerCode()
    expect(made).toMatchObject({ number: '123456789', step_s: 30, no_touch_max: '200000' })
    expect(made.key.extractable).toBe(false)
    expect(await customerCode(made, 1_799_999_970_000)).toMatchObject({ code: '29123456789770880435' })
    const [sent] = server.commands
    expect(sent).toMatchObject({ name: 'code.register', body: { key: { kty: 'EC', crv: 'P-256' } } })
    expect(Object.keys(sent?.body ?? {}).toSorted()).toEqual(['action', 'key'])
    expect(sent?.key).toMatch(/^[A-Za-z0-9_-]{16,64}$/)
  })

  it('confirms what a shop asked for by its code, signed over the payment', async () => {
    const server = await startServer()
    server.onCommand = (cmd, reply) =>
      reply(
        cmd.name === 'quote'
          ? { t: 'reply', id: cmd.id, ok: true, body: { payer_fee: '0', total: '12345' } }
          : { t: 'reply', id: cmd.id, ok: true, body: payment(2) },
      )
    const client = await connectTo(server)
    const asked = payment(1, { status: 'requires_action', next_action: { type: 'confirm_on_phone' } })
    expect(await client.confirmOnPhone({ payment: asked, source: 'wallet', pin: '2468' })).toMatchObject({ version: 2 })
    expect(server.commands.at(-1)).toMatchObject({
      name: 'payment.respond',
      body: { payment: asked.id, step: 'confirm_on_phone', source: 'wallet', pin: '2468' },
    })
    const { confirmation } = server.commands.at(-1)?.body ?? {}
    const claims: unknown = JSON.parse(Buffer.from(String(confirmation).split('.')[1] ?? '', 'base64url').toString())
    expect(claims).toMatchObject({ payment: asked.id, total: '12345', source: 'wallet', kind: 'purchase' })
  })
})
