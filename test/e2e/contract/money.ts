import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { random, type Json } from '../support/raw-key.ts'
import { codeOf, paymentOf, type RawPhone } from '../support/raw-phone.ts'
import { aText, balance, tally, type Stage } from '../support/raw-stage.ts'
import type { Reply } from '../support/raw-socket.ts'

const NO_SOURCE = 'src_0000000000000000000000'

/** So many transfers are asked for at once; told to come later, so many a second are asked for again. */
const STORM = { asked: 200, affordable: 180, amount: 7, wave: 50, wait_ms: 1_100 }
/**
 * What others send the same payee, again until it has missed more than 1,000 events: a transfer tells it two things
 * where it was posted at once and four where a workflow took it, and which it is goes by how busy the hub is.
 */
const MORE = { each: 50, amount: '1', waves: 8 }

export function money(stage: () => Stage): void {
  test('funds are enough to the very unit, or not at all', async () => {
    const { anna } = stage()
    const phone = await stage().phone('1000')
    await phone.link()
    const transfer = async (amount: string) => {
      const key = random(18)
      return phone.ask('transfer.create', await phone.transferBody(anna.user, amount, key), key)
    }
    await stage().unchanged([phone, anna], [], async () => {
      expect(codeOf(await transfer('1001'))).toBe('insufficient_funds')
      const key = random(18)
      const withdrawal = await phone.ownBody('withdrawal', phone.source, '1001', key)
      expect(codeOf(await phone.ask('withdrawal.create', withdrawal, key))).toBe('insufficient_funds')
    })
    expect((await phone.settled(paymentOf(await transfer('1000')).id)).status).toBe('succeeded')
    expect(await balance(phone)).toEqual({ available: '0', pending: '0' })
    expect(codeOf(await stage().unchanged([phone, anna], [], () => transfer('1')))).toBe('insufficient_funds')
    await phone.socket.close()
  })

  test('of 200 transfers of one balance at once exactly the affordable ones succeed; over 1,000 missed events are a snapshot', async () => {
    const { anna, treasury } = stage()
    const { asked, affordable, amount } = STORM
    const payer = await stage().phone(String(affordable * amount + amount - 1))
    const payee = await stage().phone()
    const { epoch } = await feedOf(payee, undefined)
    await payee.socket.close()
    const replies = await storm(payer, payee)
    expect(tally(replies)).toEqual({ granted: affordable, insufficient_funds: asked - affordable })
    const ends = await Promise.all(replies.filter(({ ok }) => ok).map((reply) => payer.settled(paymentOf(reply).id)))
    expect(new Set(ends.map(({ status }) => status))).toEqual(new Set(['succeeded']))
    expect(await balance(payer)).toEqual({ available: String(amount - 1), pending: '0' })
    const nothing = { epoch, seq: 0 }
    let missed = await feedOf(payee, nothing)
    let sent = 0
    while (missed.seq <= 1_000 && sent < MORE.waves * MORE.each) {
      await payee.socket.close()
      const more = Array.from({ length: MORE.each }, () =>
        [anna, treasury].map((phone) => phone.transfer(payee.user, MORE.amount)),
      )
      await Promise.all(more.flat())
      sent += MORE.each
      missed = await feedOf(payee, nothing)
    }
    expect(missed.seq).toBeGreaterThan(1_000)
    expect(missed.mode).toBe('snapshot')
    const snapshot = await payee.socket.frame('snapshot', ({ t }) => t === 'snapshot')
    expect(snapshot).toMatchObject({ feed: payee.user, epoch, seq: missed.seq, part: 1 })
    expect(await balance(payee)).toEqual({ available: String(affordable * amount + 2 * sent), pending: '0' })
    expect((await feedOf(payee, { epoch, seq: missed.seq - 1_001 })).mode).toBe('snapshot')
    const nearly = await feedOf(payee, { epoch, seq: missed.seq - 1_000 })
    expect(nearly.mode).toBe('replay')
    await payee.socket.frame('the last of 1,000', ({ t, seq }) => t === 'event' && seq === missed.seq)
    const seqs = payee.socket.frames.filter(({ t }) => t === 'event').map(({ seq }) => seq)
    expect(seqs).toEqual(Array.from({ length: 1_000 }, (_, i) => missed.seq - 999 + i))
    await Promise.all([payer, payee].map(({ socket }) => socket.close()))
  }, 90_000)

  test('a transfer goes to somebody else, and to somebody who is there', async () => {
    const { anna } = stage()
    const send = async (to: string) => {
      const key = random(18)
      return anna.ask('transfer.create', await anna.transferBody(to, '1', key), key)
    }
    await stage().unchanged([anna], [], async () => {
      expect(codeOf(await send(anna.user))).toBe('invalid_request')
      expect(codeOf(await send('usr_0000000000000000000000'))).toBe('not_found')
    })
  })

  test.each(['topup', 'withdrawal'] as const)('a %s names an own linked account, nothing else', async (kind) => {
    const { anna, treasury } = stage()
    await stage().unchanged([anna, treasury], [], async () => {
      for (const [source, code] of [
        ['wallet', 'source_not_usable'],
        ['operator', 'source_not_usable'],
        [treasury.source, 'source_not_found'],
        [NO_SOURCE, 'source_not_found'],
      ] as const) {
        const key = random(18)
        expect([
          source,
          codeOf(await anna.ask(`${kind}.create`, await anna.ownBody(kind, source, '1', key), key)),
        ]).toEqual([source, code])
      }
    })
  })

  test('a purchase is not paid from an account of somebody else', async () => {
    const { anna, treasury } = stage()
    const bill = await stage().bill()
    await stage().unchanged([anna, treasury], [bill], async () => {
      for (const [source, code] of [
        [treasury.source, 'source_not_found'],
        [NO_SOURCE, 'source_not_found'],
      ] as const) {
        expect(
          codeOf(await anna.ask('payment.confirm', await stage().confirmBody(anna, bill, source), random(18))),
        ).toBe(code)
      }
    })
  })

  test('above pin_above every way to pay needs the PIN, also where a number would no longer count exactly', async () => {
    const { anna, treasury, dev } = stage()
    const above = (BigInt(dev.pin_above) + 1n).toString()
    const bill = await stage().bill({ amount: above })
    await stage().unchanged([anna, treasury], [bill], async () => {
      const answers = [
        await anna.ask('payment.confirm', await stage().confirmBody(anna, bill, anna.source), random(18)),
      ]
      for (const amount of [above, '9007199254740993', '999999999999999999']) {
        const key = random(18)
        answers.push(
          await anna.ask('transfer.create', await anna.transferBody(treasury.user, amount, key), key),
          await anna.ask('topup.create', await anna.ownBody('topup', anna.source, amount, key), `${key}-topup`),
        )
        const other = random(18)
        answers.push(
          await anna.ask('topup.create', await anna.ownBody('topup', anna.source, amount, other), other),
          await anna.ask('withdrawal.create', await anna.ownBody('withdrawal', anna.source, amount, other), other),
        )
      }
      expect(new Set(answers.map(codeOf))).toEqual(new Set(['pin_required', 'signature_mismatch']))
      expect(answers.filter((answer) => codeOf(answer) === 'signature_mismatch')).toHaveLength(3)
    })
  })

  test('a quote says what it would cost and need, to the unit', async () => {
    const { anna, treasury, dev } = stage()
    const quote = (more: Json) =>
      anna.ask('quote', { kind: 'transfer', amount: '100', currency: 'KES', source: 'wallet', ...more })
    const above = (limit: string) => (BigInt(limit) + 1n).toString()
    for (const [amount, pin_required, limits_ok] of [
      ['1', false, true],
      [dev.pin_above, false, true],
      [above(dev.pin_above), true, true],
      [dev.limits.payment, true, true],
      [above(dev.limits.payment), true, false],
      ['9007199254740993', true, false],
      ['999999999999999999', true, false],
    ] as const) {
      expect((await quote({ amount })).body).toEqual({ payer_fee: '0', total: amount, pin_required, limits_ok })
    }
    expect(codeOf(await quote({ kind: 'topup', source: anna.source }))).toBe('granted')
    expect(codeOf(await quote({ kind: 'topup' }))).toBe('source_not_usable')
    expect(codeOf(await quote({ source: anna.source }))).toBe('source_not_usable')
    expect(codeOf(await quote({ kind: 'purchase', source: 'operator' }))).toBe('granted')
    expect(codeOf(await quote({ kind: 'topup', source: 'operator' }))).toBe('source_not_usable')
    expect(codeOf(await quote({ kind: 'topup', source: treasury.source }))).toBe('source_not_found')
  })

  test('limits are those of a payment, a day and a month, and tell what was spent of them', async () => {
    const { anna, dev } = stage()
    const { data } = await anna.must('limit.list', {})
    const line = (period: 'payment' | 'day' | 'month', used: unknown) => ({
      name: aText,
      currency: 'KES',
      period,
      max: dev.limits[period],
      used,
    })
    const anAmount: unknown = expect.stringMatching(/^(0|[1-9][0-9]*)$/)
    expect(data).toEqual([line('payment', '0'), line('day', anAmount), line('month', anAmount)])
  })
}

/** All of the transfers at once; each goes out again, the same under the same key, until it has an answer that stands. */
async function storm(payer: RawPhone, payee: RawPhone): Promise<Reply[]> {
  const keys = Array.from({ length: STORM.asked }, () => random(18))
  const bodies = await Promise.all(keys.map((key) => payer.transferBody(payee.user, String(STORM.amount), key)))
  const replies: Reply[] = []
  let open = keys.map((_, i) => i)
  for (let size = open.length; open.length > 0; size = STORM.wave) {
    const wave = open.slice(0, size)
    await Promise.all(
      wave.map(async (i) => {
        replies[i] = await payer.socket.command('transfer.create', bodies[i], keys[i])
      }),
    )
    const later = wave.filter((i) => replies[i]?.error?.retryable === true)
    open = [...open.slice(size), ...later]
    if (open.length > 0) await delay(STORM.wait_ms)
  }
  return replies
}

const Head = z.object({ mode: z.string(), epoch: z.string(), seq: z.number() })

/** Connects with a cursor and gives what `ready` says of the phone's own feed. */
async function feedOf(phone: RawPhone, cursor: Json | undefined): Promise<z.infer<typeof Head>> {
  const ready = await phone.connect(cursor === undefined ? undefined : { [phone.user]: cursor })
  return Head.parse(z.record(z.string(), z.unknown()).parse(ready['feeds'])[phone.user])
}
