import { expect, test } from 'vitest'
import { compactJws, makeKey, random, type DeviceKey, type Json } from '../support/raw-key.ts'
import { enrolProof, freshNonce, randomNumber } from '../support/raw-phone.ts'
import { granted, http, otpOf, text } from '../support/raw-rest.ts'
import { aText, type Stage } from '../support/raw-stage.ts'
import { expectProblem } from './rest-payments.ts'

const TYP = 'mooring-proof+jwt'

export function restSignUp(stage: () => Stage): void {
  const post = (path: string, body: unknown) => http(`${stage().dev.bridge}${path}`, { body })
  const begin = async (key: DeviceKey, phone = randomNumber()) => {
    const answer = await post('/enrolments', { phone, device: { name: 'raw', public_key: key.publicJwk } })
    return { id: text(granted(answer), 'id'), phone, otp: await otpOf(stage().dev, phone) }
  }
  const verify = (id: string, otp: unknown, proof: unknown, more: Json = {}) =>
    post(`/enrolments/${id}/verify`, { otp, proof, ...more })

  test('an enrolment that does not fit is named by its JSON pointer, and no message is sent', async () => {
    const { publicJwk } = await makeKey()
    const phone = randomNumber()
    const device = { name: 'raw', public_key: publicJwk }
    const key = (more: Json) => ({ phone, device: { ...device, public_key: { ...publicJwk, ...more } } })
    const wrong: [string | undefined, unknown][] = [
      ['/phone', { device }],
      ...['', '0700000000', '+0700000000', '254700000001', '+2547x0000001', 7, null].map((bad): [string, unknown] => [
        '/phone',
        { phone: bad, device },
      ]),
      ['/device', { phone }],
      ['/device/name', { phone, device: { ...device, name: '' } }],
      ['/device/name', { phone, device: { ...device, name: 'x'.repeat(2_000) } }],
      ['/device/public_key', { phone, device: { name: 'raw' } }],
      ['/device/public_key/kty', key({ kty: 'RSA' })],
      ['/device/public_key/crv', key({ crv: 'P-384' })],
      ['/device/public_key/x', key({ x: publicJwk.x.slice(1) })],
      ['/device/public_key/d', key({ d: random(32) })],
      ['/device/public_key', key({ x: publicJwk.y, y: publicJwk.y })],
      ['/device/surprise', { phone, device: { ...device, surprise: 1 } }],
      ['/surprise', { phone, device, surprise: 1 }],
      [undefined, []],
    ]
    for (const [pointer, body] of wrong) expectProblem(await post('/enrolments', body), 400, 'invalid_request', pointer)
    await expect(otpOf(stage().dev, phone)).rejects.toThrow('no message')
  })

  test('a number gets three passwords an hour, then 429 that says when to come back', async () => {
    const { publicJwk } = await makeKey()
    const phone = randomNumber()
    const enrol = () => post('/enrolments', { phone, device: { name: 'raw', public_key: publicJwk } })
    expect([(await enrol()).status, (await enrol()).status, (await enrol()).status]).toEqual([201, 201, 201])
    const fourth = await enrol()
    expectProblem(fourth, 429, 'rate_limited')
    expect(Number(fourth.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(fourth.json['retryable']).toBe(true)
  })

  test('a verify needs the proof of the key the enrolment began with, before its password is judged', async () => {
    const { anna } = stage()
    const key = await makeKey()
    const stranger = await makeKey()
    const { id, otp } = await begin(key)
    const claims = { aud: 'mooring:enrol', enrolment: id }
    const header = { alg: 'ES256', typ: TYP }
    const proofs = [
      'a.b.c',
      await enrolProof(stranger, id),
      await enrolProof(key, 'enr_0000000000000000000000'),
      await enrolProof(key, id, { kid: anna.device }),
      await compactJws({ ...header, typ: 'JWT' }, claims, key.sign),
      await compactJws({ ...header, alg: 'none' }, claims, () => new Uint8Array()),
      await compactJws(header, { ...claims, aud: 'mooring:token' }, key.sign),
      await compactJws(header, { ...claims, surprise: 1 }, key.sign),
      await compactJws(header, { aud: 'mooring:enrol' }, key.sign),
    ]
    for (const proof of proofs) expectProblem(await verify(id, otp, proof), 401, 'unauthenticated')
    // None of them was a try: six were more than the operator allows.
    const made = granted(await verify(id, otp, await enrolProof(key, id)))
    expect(made).toEqual({ user: aText, device: aText })
    expect(granted(await verify(id, otp, await enrolProof(key, id)))).toEqual(made)
  })

  test('a verify that does not fit is named, one of an enrolment that is not there is 404', async () => {
    const key = await makeKey()
    const { id, otp } = await begin(key)
    const proof = await enrolProof(key, id)
    for (const bad of ['', '12345', '1234567', '12345a', '１２３４５６', 123_456, null])
      expectProblem(await verify(id, bad, proof), 400, 'invalid_request', '/otp')
    for (const bad of ['', 7, null]) expectProblem(await verify(id, otp, bad), 400, 'invalid_request', '/proof')
    expectProblem(await verify(id, otp, proof, { surprise: 1 }), 400, 'invalid_request', '/surprise')
    expectProblem(await verify(id, otp, proof, { enrolment: id }), 400, 'invalid_request', '/enrolment')
    for (const nothing of ['enr_0000000000000000000000', 'enr', 'pay_0000000000000000000000', '..%2f..']) {
      expectProblem(await verify(nothing, otp, proof), 404, 'not_found')
    }
    expect((await verify(id, otp, proof)).status).toBe(200)
  })

  test('a wrong password is otp_wrong; after five the right one is too late: otp_exhausted', async () => {
    const key = await makeKey()
    const { id, otp } = await begin(key)
    const wrong = otp === '000000' ? '000001' : '000000'
    const proof = await enrolProof(key, id)
    const codes: unknown[] = []
    for (let i = 0; i < 5; i++) codes.push((await verify(id, wrong, proof)).json['code'])
    expect(codes.slice(0, 4)).toEqual(['otp_wrong', 'otp_wrong', 'otp_wrong', 'otp_wrong'])
    expect(['otp_wrong', 'otp_exhausted']).toContain(codes[4])
    expectProblem(await verify(id, otp, proof), 422, 'otp_exhausted')
    const used = await begin(key)
    expect((await verify(used.id, used.otp, await enrolProof(key, used.id))).status).toBe(200)
    expect([401, 422]).toContain((await verify(used.id, wrong, await enrolProof(key, used.id))).status)
  })

  test('a token needs a fresh nonce signed by a device of ours', async () => {
    const { anna, ben, dev } = stage()
    const token = (device: unknown, proof: unknown, more: Json = {}) => post('/tokens', { device, proof, ...more })
    const stranger = await makeKey()
    const claims = async () => ({ aud: 'mooring:token', sub: anna.device, nonce: await freshNonce(dev) })
    const proofs = [
      'a.b.c',
      await anna.tokenProof(random(32)),
      await ben.tokenProof(await freshNonce(dev)),
      await anna.sign(TYP, await claims(), {}, stranger.sign),
      await anna.sign(TYP, await claims(), { kid: ben.device }),
      await anna.sign(TYP, await claims(), { alg: 'none' }, () => new Uint8Array()),
      await anna.sign('mooring-confirm+jwt', await claims()),
      await anna.proof({ ...(await claims()), aud: 'mooring:socket' }),
      await anna.proof({ ...(await claims()), sub: ben.device }),
      await anna.proof({ ...(await claims()), surprise: 1 }),
      await anna.proof({ aud: 'mooring:token', sub: anna.device }),
    ]
    for (const proof of proofs) expectProblem(await token(anna.device, proof), 401, 'unauthenticated')
    expectProblem(
      await token('dev_0000000000000000000000', await anna.tokenProof(await freshNonce(dev))),
      401,
      'unauthenticated',
    )
    for (const device of ['', 'dev', anna.user, 7, null]) {
      expectProblem(
        await token(device, await anna.tokenProof(await freshNonce(dev))),
        400,
        'invalid_request',
        '/device',
      )
    }
    expectProblem(await token(anna.device, 7), 400, 'invalid_request', '/proof')
    expectProblem(await token(anna.device, 'a.b.c', { surprise: 1 }), 400, 'invalid_request', '/surprise')
  })

  test('a nonce is good once, also for two at the same time', async () => {
    const { anna, dev } = stage()
    const nonce = await freshNonce(dev)
    const ask = async () => post('/tokens', { device: anna.device, proof: await anna.tokenProof(nonce) })
    const answers = await Promise.all(Array.from({ length: 10 }, ask))
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, ...Array<number>(9).fill(401)])
    expect(answers.find(({ status }) => status === 200)?.json).toEqual({
      access_token: aText,
      expires_in: 900,
    })
    expectProblem(await ask(), 401, 'unauthenticated')
    expectProblem(await post('/nonces', { surprise: 1 }), 400, 'invalid_request', '/surprise')
  })

  test('a further phone of a number is restricted, and says for how long', () => {
    const { restricted, ben } = stage()
    expect(restricted.user).toBe(ben.user)
    expect(restricted.device).not.toBe(ben.device)
    const hours = (Date.parse(restricted.restrictedUntil) - Date.now()) / 3_600_000
    expect(hours).toBeGreaterThan(71)
    expect(hours).toBeLessThanOrEqual(72)
  })
}
