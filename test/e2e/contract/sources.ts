import { expect, test } from 'vitest'
import { z } from 'zod'
import { makeKey, random, type Json } from '../support/raw-key.ts'
import { codeOf, fault, inSeconds, paymentOf, randomIban, randomNumber, type RawPhone } from '../support/raw-phone.ts'
import { bookOf } from '../support/raw-rest.ts'
import { aNumber, type Stage } from '../support/raw-stage.ts'

const Source = z.object({
  id: z.string(),
  type: z.literal('bank'),
  label: z.string(),
  status: z.literal('active'),
  next_action: z.null(),
})
const List = z.array(z.looseObject({ id: z.string() }))

export function sources(stage: () => Stage): void {
  const linkOf = (account = randomIban()): Json => ({ type: 'bank', bank: stage().dev.sim.bank.bank, account })
  const link = async (phone: RawPhone, body: Json, claims: Json = {}, key = random(18)) =>
    phone.insist('source.link', { ...body, action: await phone.action(body, claims) }, key)

  test('an account must be an IBAN whose check digits are right', async () => {
    const { anna } = stage()
    const right = randomIban()
    const check = right.slice(2, 4) === '55' ? '56' : '55'
    await stage().unchanged([anna], [], async () => {
      for (const account of [
        `DE${check}${right.slice(4)}`,
        right.slice(0, -1),
        `${right}0`,
        'DE00',
        '0012345678',
        `XX${right.slice(2)}`,
        `${right}!`,
      ]) {
        expect([account, fault(await link(anna, linkOf(account)))]).toEqual([account, 'invalid_request account'])
      }
    })
  })

  test('a bank that is not there is not_found', async () => {
    const { anna } = stage()
    const body = { ...linkOf(), bank: 'no-bank' }
    expect(codeOf(await stage().unchanged([anna], [], () => link(anna, body)))).toBe('not_found')
  })

  test('an action by anything but this device, over this kind of thing, is signature_invalid', async () => {
    const { anna, ben } = stage()
    const body = linkOf()
    const stranger = await makeKey()
    const claims = {
      aud: 'mooring:action',
      sub: anna.user,
      device: anna.device,
      name: 'source.link',
      body: '',
      jti: random(18),
      exp: inSeconds(60),
    }
    const actions = [
      await anna.sign('mooring-confirm+jwt', claims),
      await anna.sign('mooring-proof+jwt', claims),
      await anna.sign('mooring-action+jwt', claims, {}, stranger.sign),
      await anna.sign('mooring-action+jwt', claims, { kid: ben.device }),
      await anna.sign('mooring-action+jwt', claims, { alg: 'none' }, () => new Uint8Array()),
      await ben.action(body),
    ]
    await stage().unchanged([anna], [], async () => {
      for (const action of actions)
        expect(codeOf(await anna.ask('source.link', { ...body, action }, random(18)))).toBe('signature_invalid')
    })
  })

  test('each claim of an action altered, missing or too many is named', async () => {
    const { anna } = stage()
    const body = linkOf()
    const other = await anna.action(linkOf())
    const wrong: [string, Json][] = [
      ['aud', { aud: 'mooring:confirm' }],
      ['sub', { sub: stage().ben.user }],
      ['device', { device: stage().ben.device }],
      ['name', { name: 'source.unlink' }],
      ['body', { body: random(32) }],
      ['jti', { jti: 'fifteen-letters' }],
      ['exp', { exp: '9999999999' }],
      ...['aud', 'sub', 'device', 'name', 'body', 'jti', 'exp'].map((claim): [string, Json] => [
        claim,
        { [claim]: undefined },
      ]),
      ['env', { env: 'test' }],
      ['account', { account: body['account'] }],
    ]
    await stage().unchanged([anna], [], async () => {
      for (const [claim, claims] of wrong)
        expect(fault(await link(anna, body, claims))).toBe(`signature_mismatch ${claim}`)
      const overAnother = await anna.ask('source.link', { ...body, action: other }, random(18))
      expect(fault(overAnother)).toBe('signature_mismatch body')
    })
  })

  test('an action past its time, too far ahead or used is refused', async () => {
    const { anna } = stage()
    const jti = random(18)
    const key = random(18)
    const used = await anna.transferBody(stage().ben.user, '1', key, { jti })
    await anna.settled(paymentOf(await anna.ask('transfer.create', used, key)).id)
    await stage().unchanged([anna], [], async () => {
      expect(codeOf(await link(anna, linkOf(), { exp: inSeconds(-62) }))).toBe('confirmation_expired')
      expect(codeOf(await link(anna, linkOf(), { exp: inSeconds(365) }))).toBe('confirmation_expired')
      expect(codeOf(await link(anna, linkOf(), { jti }))).toBe('confirmation_replayed')
    })
  })

  test('an account is linked once, however often and by however many it is asked for', async () => {
    const phone = await stage().phone()
    const body = linkOf()
    const key = random(18)
    const first = Source.parse((await link(phone, body, {}, key)).body)
    expect(await link(phone, body, {}, key)).toMatchObject({ ok: true, replayed: true, body: first })
    const jti = random(18)
    expect((await link(phone, body, { jti })).body).toEqual(first)
    // A signature is spent also where there was nothing left to do.
    expect(codeOf(await link(phone, body, { jti }))).toBe('confirmation_replayed')
    const spaced = String(body['account'])
      .replace(/(.{4})/g, '$1 ')
      .trim()
    const again = await link(phone, linkOf(spaced))
    if (again.ok) expect(again.body).toEqual(first)
    else expect(fault(again)).toBe('invalid_request account')
    const other = linkOf()
    const many = await Promise.all(Array.from({ length: 8 }, () => link(phone, other)))
    expect(new Set(many.map((reply) => Source.parse(reply.body).id)).size).toBe(1)
    expect(List.parse((await phone.must('source.list', {}))['data'])).toHaveLength(2)
    await phone.socket.close()
  })

  test('of six links at once by one signature one is made; the others only sign anew, under the keys they have', async () => {
    const phone = await stage().phone()
    const jti = random(18)
    const links = Array.from({ length: 6 }, () => ({ body: linkOf(), key: random(18) }))
    const replies = await Promise.all(links.map(({ body, key }) => link(phone, body, { jti }, key)))
    expect(replies.map(codeOf).toSorted()).toEqual([...Array<string>(5).fill('confirmation_replayed'), 'granted'])
    for (const { body, key } of links.filter((_, i) => replies[i]?.ok === false)) {
      const action = await phone.action(body)
      expect(codeOf(await phone.ask('source.link', { ...body, action }, key))).toBe('granted')
    }
    await phone.socket.close()
  })

  test('two users who hold one account have each a source of their own', async () => {
    const { anna, ben } = stage()
    const body = linkOf()
    const [hers, his] = [await link(anna, body), await link(ben, body)].map((reply) => Source.parse(reply.body).id)
    expect(hers).not.toBe(his)
    expect(List.parse((await ben.must('source.list', {}))['data']).map(({ id }) => id)).not.toContain(hers)
    expect(await bookOf(stage().dev, String(body['account']))).toEqual([])
  })

  test('a number is resolved to a user and a masked name; one that nobody has is not_found', async () => {
    const { anna, ben } = stage()
    const { user, masked_name } = await anna.must('payee.resolve', { phone: ben.number })
    expect(user).toBe(ben.user)
    expect(String(masked_name)).not.toContain(ben.number.slice(5, -2))
    expect(codeOf(await anna.ask('payee.resolve', { phone: randomNumber() }))).toBe('not_found')
  })

  test('numbers cannot be walked: look-ups are limited for each user by itself', async () => {
    const { anna } = stage()
    const walker = await stage().phone()
    const replies = await Promise.all(
      Array.from({ length: 60 }, () => walker.socket.command('payee.resolve', { phone: randomNumber() })),
    )
    const limited = replies.filter(({ error }) => error?.code === 'rate_limited')
    expect(limited.length).toBeGreaterThan(20)
    for (const { error } of limited) expect(error).toMatchObject({ retryable: true, retry_after_ms: aNumber })
    expect(new Set(replies.map(codeOf))).toEqual(new Set(['not_found', 'rate_limited']))
    expect(codeOf(await walker.ask('wallet.balances', {}))).toBe('granted')
    expect(codeOf(await anna.ask('payee.resolve', { phone: walker.number }))).toBe('granted')
    await walker.socket.close()
  })

  test('a list of payments is paged newest first, each once, whatever is added meanwhile', async () => {
    const { anna } = stage()
    const phone = await stage().phone('100')
    const made = [String(List.parse((await phone.must('payment.list', {}))['data'])[0]?.id)]
    for (let i = 0; i < 6; i++) made.unshift((await phone.transfer(anna.user, '1')).id)
    const seen: string[] = []
    for (let more = true; more;) {
      const after = seen.at(-1)
      const page = await phone.must('payment.list', {
        limit: 3,
        ...(after === undefined ? {} : { starting_after: after }),
      })
      seen.push(...List.parse(page['data']).map(({ id }) => id))
      more = z.boolean().parse(page['has_more'])
      await phone.transfer(anna.user, '1')
    }
    expect(seen).toEqual(made)
    expect(List.parse((await phone.must('payment.list', { status: 'failed' }))['data'])).toEqual([])
    expect(List.parse((await phone.must('payment.list', { status: 'succeeded' }))['data'])).toHaveLength(10)
    expect(await phone.must('payment.list', { limit: 10 })).toMatchObject({ has_more: false })
    await phone.socket.close()
  })

  test('a restricted device may look at everything and change nothing but withdraw', async () => {
    const { restricted, ben, anna, dev } = stage()
    for (const name of ['wallet.balances', 'source.list', 'source.options', 'limit.list', 'payment.list']) {
      expect([name, codeOf(await restricted.ask(name, {}))]).toEqual([name, 'granted'])
    }
    const { id } = await ben
      .must('payment.list', { limit: 1 })
      .then(({ data }) => List.parse(data)[0] ?? expect.fail('no payment'))
    expect(codeOf(await restricted.ask('payment.get', { payment: id }))).toBe('granted')
    expect(codeOf(await restricted.ask('payee.resolve', { phone: anna.number }))).toBe('granted')
    const quote = { kind: 'transfer', amount: '1', currency: dev.currency, source: 'wallet' }
    expect(codeOf(await restricted.ask('quote', quote))).toBe('granted')
    const bill = await stage().bill()
    const confirm = await stage().confirmBody(restricted, bill)
    const key = random(18)
    const account = linkOf()
    await stage().unchanged([restricted], [bill], async () => {
      for (const [name, body] of [
        ['payment.confirm', confirm],
        ['transfer.create', await restricted.transferBody(anna.user, '1', key)],
        ['topup.create', await restricted.ownBody('topup', 'src_0000000000000000000000', '1', key)],
        ['withdrawal.create', await restricted.ownBody('withdrawal', 'src_0000000000000000000000', '1', key)],
        ['source.link', { ...account, action: await restricted.action(account) }],
      ] as const) {
        expect([name, codeOf(await restricted.ask(name, body, key))]).toEqual([name, 'device_restricted'])
      }
      const canceled = await restricted.ask('payment.cancel', { payment: id }, random(18))
      expect(['not_found', 'payment_not_cancelable']).toContain(codeOf(canceled))
    })
  })
}
