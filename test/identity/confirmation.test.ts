import { expect, it } from 'vitest'
import { importDeviceKey } from '../../src/identity/keys.ts'
import { actionBodyHash, expiryRefusal, mismatchRefusal, openConfirmation } from '../../src/identity/index.ts'
import { makeKey } from './stage.ts'

const device = 'dev_0000000000000000000002'
const confirm = { typ: 'mooring-confirm+jwt', kid: device }

async function phone() {
  const key = await makeKey()
  return { key, principal: { device, publicKey: await importDeviceKey(key.publicKey) } }
}

it('a confirmation signed by the device opens to its claims', async () => {
  const { key, principal } = await phone()
  const claims = { aud: 'mooring:confirm', amount: '1' }
  expect(await openConfirmation(await key.sign(claims, confirm), principal)).toEqual({ ok: true, value: claims })
})

it('an action does not pass for a confirmation, nor the other way', async () => {
  const { key, principal } = await phone()
  const action = await key.sign({}, { ...confirm, typ: 'mooring-action+jwt' })
  expect((await openConfirmation(action, principal, 'action')).ok).toBe(true)
  expect((await openConfirmation(action, principal)).ok).toBe(false)
  expect((await openConfirmation(await key.sign({}, confirm), principal, 'action')).ok).toBe(false)
})

it.each<[string, (key: Awaited<ReturnType<typeof makeKey>>) => Promise<string>]>([
  ['another key', async () => (await makeKey()).sign({}, confirm)],
  ['another kid', (key) => key.sign({}, { ...confirm, kid: 'dev_0000000000000000000009' })],
  ['no kid', (key) => key.sign({}, { typ: confirm.typ })],
  ['a further header', (key) => key.sign({}, { ...confirm, jwk: key.publicKey })],
  ['a critical header', (key) => key.sign({}, { ...confirm, crit: ['exp'], exp: 1 })],
  ['another alg in its header', (key) => key.sign({}, { ...confirm, alg: 'HS256' })],
  ['a list for claims', (key) => key.sign([], confirm)],
  ['a text for claims', (key) => key.sign('x', confirm)],
  ['an altered payload', async (key) => (await key.sign({}, confirm)).replace(/\.[^.]*\./, '.eyJhIjoxfQ.')],
  ['no signature', async (key) => (await key.sign({}, confirm)).replace(/[^.]*$/, '')],
  ['five parts', async (key) => `${await key.sign({}, confirm)}.a.b`],
  ['padding', async (key) => `${await key.sign({}, confirm)}==`],
  ['a line feed at its end', async (key) => `${await key.sign({}, confirm)}\n`],
  ['more than 4 KiB', (key) => key.sign({ a: 'x'.repeat(5_000) }, confirm)],
])('with %s is signature_invalid', async (_what, make) => {
  const { key, principal } = await phone()
  const opened = await openConfirmation(await make(key), principal)
  expect(opened.ok ? null : [opened.error.code, opened.error.param]).toEqual(['signature_invalid', 'confirmation'])
})

it('faults carry their code and claim', () => {
  expect(expiryRefusal({ exp: 1 }, Date.now())).toMatchObject({ code: 'confirmation_expired' })
  expect(expiryRefusal({ exp: Date.now() / 1_000 }, Date.now())).toBeNull()
  expect(mismatchRefusal({ amount: '2' }, { amount: '1' })).toMatchObject({
    code: 'signature_mismatch',
    param: 'amount',
  })
})

it('an action’s body hash is over everything but the action and the PINs, in any order', () => {
  const hash = actionBodyHash({
    type: 'bank',
    bank: 'demo-bank',
    account: 'X',
    action: 'a.b.c',
    pin: '1',
    old_pin: '2',
  })
  expect(hash).toBe(actionBodyHash({ account: 'X', bank: 'demo-bank', type: 'bank' }))
  expect(hash).not.toBe(actionBodyHash({ account: 'Y', bank: 'demo-bank', type: 'bank' }))
  // echo -n '{"account":"X","bank":"demo-bank","type":"bank"}' | openssl dgst -sha256 -binary | basenc --base64url
  expect(hash).toBe('tylmLSeKkEY3QkLdJy_6uEhWqoqoV4e7UX_YODb-5ns')
})
