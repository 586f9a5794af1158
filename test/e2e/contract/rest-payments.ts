import { expect, test } from 'vitest'
import { z } from 'zod'
import { random, type Json } from '../support/raw-key.ts'
import { granted, http, text, type Answer } from '../support/raw-rest.ts'
import { aText, type Stage } from '../support/raw-stage.ts'

const List = z.array(z.looseObject({ id: z.string(), order_ref: z.string().nullable(), status: z.string() }))
const NO_PAYMENT = 'pay_0000000000000000000000'

/** Each field of POST /payments with values that do not fit, and the JSON pointer that must name it. */
const WRONG: [pointer: string, field: string, values: unknown[]][] = [
  [
    '/amount',
    'amount',
    [
      '',
      '-1',
      '+1',
      '01',
      ' 1',
      '1 ',
      '1e3',
      '1.0',
      '0x10',
      '1000000000000000000',
      '9223372036854775808',
      1,
      1e3,
      2 ** 53 + 2,
      null,
      true,
      ['1'],
      {},
    ],
  ],
  ['/currency', 'currency', ['', 'kes', 'KE', 'KESS', '404', 404, null]],
  ['/order_ref', 'order_ref', ['', 7, null, 'x'.repeat(1_000), 'bell \u0007', {}]],
  ['/description', 'description', ['', 7, null, 'x'.repeat(5_000), 'bell \u0007']],
  ['/store', 'store', ['', 'sto', 'mer_0000000000000000000000', 7, null]],
  ['/capture_method', 'capture_method', ['', 'later', 7, null]],
  ['/expires_in', 'expires_in', [59, 86_401, 0, -1, 60.5, '900', null]],
  ['/method/type', 'method', [{ type: 'nfc' }, { type: 7 }, {}]],
  ['/method', 'method', ['qr', 7, null, []]],
  ['/metadata', 'metadata', ['x', 7, null, []]],
  ['/metadata/a', 'metadata', [{ a: 7 }, { a: null }, { a: {} }]],
  ['/surprise', 'surprise', [1]],
  ['/__proto__', '__proto__', [1]],
]

export function restPayments(stage: () => Stage): void {
  const url = (path = '') => `${stage().dev.bridge}/payments${path}`
  const bearer = (secret_key = stage().merchant.secret_key) => ({ authorization: `Bearer ${secret_key}` })
  const post = (body: unknown, key = random(18), more: Record<string, string> = {}) =>
    http(url(), { headers: { ...bearer(), 'idempotency-key': key, ...more }, body })
  /** Asks again under its key while it is undecided. */
  const insist = async (body: unknown, key = random(18)): Promise<Answer> => {
    const answer = await post(body, key)
    return answer.json['code'] === 'in_flight' ? insist(body, key) : answer
  }
  const get = (path: string, secretKey?: string) => http(url(path), { headers: bearer(secretKey) })
  const bill = (more: Json = {}): Json => ({ amount: '250', currency: 'KES', ...more })
  const newest = async () => List.parse(granted(await get('?limit=1'))['data'])[0]?.id
  /** No payment is made by what `work` does. */
  const nothingMade = async (work: () => Promise<void>) => {
    const before = await newest()
    await work()
    expect(await newest()).toBe(before)
  }
  const pages = async (query: string, step: (page: { id: string }[]) => string) => {
    const seen: string[][] = []
    for (let more = true, next = query; more;) {
      const page = granted(await get(next))
      const ids = List.parse(page['data'])
      seen.push(ids.map(({ id }) => id))
      more = z.boolean().parse(page['has_more'])
      next = query + step(ids)
    }
    return seen
  }

  test('without a secret key of ours there is no answer but 401', async () => {
    const { merchant, anna } = stage()
    const bad = [
      undefined,
      'Bearer',
      'Bearer ',
      `Basic ${Buffer.from(`${merchant.secret_key}:`).toString('base64')}`,
      merchant.secret_key,
      'Bearer sk_test_0000000000000000000000000000',
      `Bearer ${merchant.secret_key.slice(0, -1)}`,
      `Bearer ${merchant.secret_key}x`,
      `Bearer ${merchant.secret_key.replace('sk_test_', 'sk_live_')}`,
      `Bearer ${anna.token}`,
    ]
    await nothingMade(async () => {
      for (const authorization of bad) {
        const headers = { ...(authorization === undefined ? {} : { authorization }), 'idempotency-key': random(18) }
        for (const answer of [
          await http(url(), { headers, body: bill() }),
          await http(url(), { headers }),
          await http(url(`/${NO_PAYMENT}`), { headers }),
        ]) {
          expectProblem(answer, 401, 'unauthenticated')
        }
      }
    })
  })

  test('a POST needs an Idempotency-Key of 16 to 64 letters, digits, _ and -, quoted or bare', async () => {
    const keys = [
      undefined,
      '',
      'short',
      'a'.repeat(15),
      'a'.repeat(65),
      'sixteen letters!',
      `"${'a'.repeat(15)}"`,
      `"${random(18)}`,
      "'aaaaaaaaaaaaaaaaaa'",
    ]
    await nothingMade(async () => {
      for (const key of keys) {
        const headers = { ...bearer(), ...(key === undefined ? {} : { 'idempotency-key': key }) }
        expectProblem(await http(url(), { headers, body: { surprise: 1 } }), 400, 'idempotency_key_missing')
      }
    })
    const key = random(18)
    const first = await post(bill(), key)
    expect(first.status).toBe(201)
    expect((await post(bill(), `"${key}"`)).text).toBe(first.text)
  })

  test('a replay is the first answer byte for byte, and says that it is one', async () => {
    const order_ref = `order ${random(6)}`
    const body = bill({
      order_ref,
      description: 'Täglich Kaffee ☕',
      metadata: { z: '1', aa: '2', '10': '3', '9': '4' },
    })
    const key = random(18)
    const first = await post(body, key)
    expect(first.status).toBe(201)
    expect(first.headers.get('idempotency-replayed')).toBeNull()
    // The order of fields is no content.
    const reordered = Object.fromEntries(Object.entries(body).toReversed())
    for (const again of [await post(body, key), await post(reordered, key)]) {
      expect(again.text).toBe(first.text)
      expect(again.status).toBe(201)
      expect(again.headers.get('idempotency-replayed')).toBe('true')
      expect(again.headers.get('content-type')).toBe(first.headers.get('content-type'))
      expect(again.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'))
    }
  })

  test('a refusal is replayed byte for byte too, an invalid request leaves the key free', async () => {
    const key = random(18)
    const body = bill({ amount: '0' })
    const first = await post(body, key)
    expectProblem(first, 422, 'amount_too_small', 'amount')
    const again = await post(body, key)
    expect([again.status, again.text, again.headers.get('idempotency-replayed')]).toEqual([422, first.text, 'true'])
    const free = random(18)
    expectProblem(await post(bill({ amount: 1 }), free), 400, 'invalid_request', '/amount')
    expect((await post(bill(), free)).status).toBe(201)
  })

  test('the same key with another payload is refused, another merchant has keys of its own', async () => {
    const key = random(18)
    expect((await post(bill(), key)).status).toBe(201)
    await nothingMade(async () => {
      for (const body of [bill({ amount: '251' }), bill({ description: 'x' }), { surprise: 1 }, [], 7]) {
        expectProblem(await post(body, key), 422, 'idempotency_key_reused')
      }
    })
    const other = await http(url(), {
      headers: { ...bearer(stage().otherMerchant.secret_key), 'idempotency-key': key },
      body: bill(),
    })
    expect([other.status, other.headers.get('idempotency-replayed')]).toEqual([201, null])
  })

  test('fifty at once under one key make one payment', async () => {
    const key = random(18)
    const order_ref = `order ${random(6)}`
    const answers = await Promise.all(Array.from({ length: 50 }, () => post(bill({ order_ref }), key)))
    for (const answer of answers.filter(({ status }) => status !== 201)) {
      expectProblem(answer, 409, 'in_flight')
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    }
    const made = answers.filter(({ status }) => status === 201)
    expect(new Set(made.map((answer) => answer.text)).size).toBe(1)
    expect(made.filter(({ headers }) => headers.get('idempotency-replayed') === null)).toHaveLength(1)
    expect(List.parse(granted(await get(`?order_ref=${encodeURIComponent(order_ref)}`))['data'])).toHaveLength(1)
  })

  test('each field that does not fit is named by its JSON pointer, and no payment is made', async () => {
    await nothingMade(async () => {
      for (const [pointer, field, values] of WRONG) {
        for (const value of values) {
          const fields = JSON.stringify({ ...bill(), x: value }).replace('"x"', JSON.stringify(field))
          // A field given twice would be the last one alone: take the right one out.
          const body = field in bill() ? JSON.stringify({ ...bill(), [field]: value }) : fields
          expectProblem(await post(body), 400, 'invalid_request', pointer)
        }
      }
      for (const field of ['amount', 'currency']) {
        const body = Object.fromEntries(Object.entries(bill()).filter(([name]) => name !== field))
        expectProblem(await post(body), 400, 'invalid_request', `/${field}`)
      }
      for (const body of [[], 7, 'text', null].map((one) => JSON.stringify(one)))
        expectProblem(await post(body), 400, 'invalid_request')
    })
  })

  test('what rules refuse has its own code and names the field alone', async () => {
    const { dev, otherMerchant } = stage()
    const above = (BigInt(dev.limits.payment) + 1n).toString()
    await nothingMade(async () => {
      expectProblem(await post(bill({ amount: '0' })), 422, 'amount_too_small', 'amount')
      expectProblem(await post(bill({ currency: 'EUR' })), 422, 'currency_not_supported', 'currency')
      expectProblem(await post(bill({ amount: above })), 422, 'limit_exceeded', 'amount')
      expectProblem(await post(bill({ amount: '9007199254740993' })), 422, 'limit_exceeded', 'amount')
      expectProblem(await post(bill({ store: 'sto_0000000000000000000000' })), 422, 'not_found', 'store')
      expectProblem(await post(bill({ store: otherMerchant.store })), 422, 'not_found', 'store')
      // Of two faults the first of the protocol's list.
      expectProblem(await post(bill({ amount: '0', store: otherMerchant.store })), 422, 'amount_too_small', 'amount')
      expectProblem(await post(bill({ store: otherMerchant.store, amount: above })), 422, 'not_found', 'store')
    })
    expect((await post(bill({ amount: dev.limits.payment }))).status).toBe(201)
    expect(
      (await post(bill({ store: stage().merchant.store, capture_method: 'automatic', expires_in: 86_400 }))).status,
    ).toBe(201)
  })

  test('fields of later issues are refused by name, and nothing pretends to take them', async () => {
    await nothingMade(async () => {
      expectProblem(await post(bill({ splits: [] })), 400, 'invalid_request', '/splits')
      const byCode = await post(bill({ method: { type: 'code', code: '29' } }))
      expectProblem(byCode, 422, 'code_invalid', 'method.code')
    })
    const made = await post(bill({ method: { type: 'qr' } }))
    expect(made.json).not.toHaveProperty('pay_url')
    expect(made.json).toMatchObject({
      qr: { payload: aText },
      metadata: {},
      fee: aText,
      payer: null,
    })
  })

  test('an order has one open payment: a second names the first, until that is over', async () => {
    const { anna } = stage()
    const order_ref = `order ${random(6)}`
    const first = await stage().bill({ order_ref })
    await nothingMade(async () => {
      const second = await post(bill({ order_ref }))
      expectProblem(second, 409, 'order_ref_in_use')
      expect(second.json['payment']).toBe(first.id)
    })
    const many = `order ${random(6)}`
    const answers = await Promise.all(Array.from({ length: 12 }, () => insist(bill({ order_ref: many }))))
    const winner = answers.find(({ status }) => status === 201)?.json['id']
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    for (const answer of answers.filter(({ status }) => status !== 201)) {
      expectProblem(answer, 409, 'order_ref_in_use')
      expect(answer.json['payment']).toBe(winner)
    }
    const others = { ...bearer(stage().otherMerchant.secret_key), 'idempotency-key': random(18) }
    expect((await http(url(), { headers: others, body: bill({ order_ref }) })).status).toBe(201)
    await stage().pay(anna, first)
    expect((await post(bill({ order_ref }))).status).toBe(201)
  })

  test("a payment that is another merchant's, or nobody's, is 404 and in no list", async () => {
    const { id } = await stage().bill()
    const other = stage().otherMerchant.secret_key
    for (const path of [
      `/${NO_PAYMENT}`,
      '/pay',
      '/pay_.',
      '/usr_0000000000000000000000',
      `/${'x'.repeat(120)}`,
      '/pay_%2e%2e%2f%2e%2e',
      '/pay_*',
    ]) {
      expectProblem(await get(path), 404, 'not_found')
    }
    expectProblem(await get(`/${id}`, other), 404, 'not_found')
    expect((await get('?limit=100', other)).text).not.toContain(id)
    expect((await get(`/${id}`)).status).toBe(200)
  })

  test('a list is paged newest first, each payment once, both ways, whatever is added meanwhile', async () => {
    const order_ref = `paged ${random(6)}`
    const filter = `order_ref=${encodeURIComponent(order_ref)}`
    const made: string[] = []
    for (let i = 0; i < 7; i++) {
      const one = await stage().bill({ order_ref, amount: '10' })
      made.unshift(one.id)
      await stage().pay(stage().anna, one)
    }
    const forth = await pages(`?${filter}&limit=3`, (page) => `&starting_after=${page.at(-1)?.id ?? ''}`)
    expect(forth).toEqual([made.slice(0, 3), made.slice(3, 6), made.slice(6)])
    const late = await stage().bill({ order_ref, amount: '10' })
    const rest = granted(await get(`?${filter}&limit=3&starting_after=${made[2] ?? ''}`))
    expect(List.parse(rest['data']).map(({ id }) => id)).toEqual(made.slice(3, 6))
    const newer = granted(await get(`?${filter}&limit=3&ending_before=${made[4] ?? ''}`))
    expect([List.parse(newer['data']).map(({ id }) => id), newer['has_more']]).toEqual([made.slice(1, 4), true])
    const last = granted(await get(`?${filter}&limit=3&ending_before=${made[1] ?? ''}`))
    expect([List.parse(last['data']).map(({ id }) => id), last['has_more']]).toEqual([[late.id, made[0]], false])
  })

  test('a list is narrowed by status, order, store and time', async () => {
    const { merchant, otherMerchant, anna } = stage()
    const order_ref = `filtered ${random(6)}`
    const mine = await stage().bill({ order_ref, store: merchant.store })
    const filter = `order_ref=${encodeURIComponent(order_ref)}`
    const ids = async (query: string) =>
      List.parse(granted(await get(`?${filter}${query}`))['data']).map(({ id }) => id)
    const created = text(granted(await get(`/${mine.id}`)), 'created_at')
    const later = new Date(Date.parse(created) + 1).toISOString()
    expect(await ids('')).toEqual([mine.id])
    expect(await ids(`&store=${merchant.store}`)).toEqual([mine.id])
    expect(await ids(`&store=${otherMerchant.store}`)).toEqual([])
    expect(await ids('&status=requires_confirmation')).toEqual([mine.id])
    expect(await ids('&status=succeeded')).toEqual([])
    expect(await ids(`&created_gte=${created}&created_lt=${later}`)).toEqual([mine.id])
    expect(await ids(`&created_gte=${later}`)).toEqual([])
    expect(await ids(`&created_lt=${created}`)).toEqual([])
    await stage().pay(anna, mine)
    expect(await ids('&status=succeeded')).toEqual([mine.id])
  })

  test('a query that does not fit is named by its parameter', async () => {
    const wrong: [string, string[]][] = [
      ['/limit', ['0', '101', '-1', '1.5', '1e1', '0x10', '%205', '5%20', '', 'ten', '1&limit=2']],
      ['/starting_after', ['', 'pay', NO_PAYMENT.replace('pay', 'usr')]],
      ['/ending_before', ['', 'pay']],
      ['/status', ['', 'done', 'SUCCEEDED']],
      ['/store', ['', 'mer_0000000000000000000000']],
      [
        '/created_gte',
        [
          '',
          'yesterday',
          '2026-01-01',
          '2026-13-01T00:00:00.000Z',
          '2026-02-30T00:00:00.000Z',
          '2026-01-01T25:00:00.000Z',
          '1767225600',
        ],
      ],
      ['/created_lt', ['2026-00-00T00:00:00.000Z', '2026-01-01T00:00:00Z']],
      ['/surprise', ['1']],
      ['/__proto__', ['1']],
    ]
    for (const [pointer, values] of wrong) {
      for (const value of values)
        expectProblem(await get(`?${pointer.slice(1)}=${value}`), 400, 'invalid_request', pointer)
    }
  })
}

const Problem = z.strictObject({
  type: z.string(),
  title: z.string().min(1),
  status: z.number(),
  detail: z.string().min(1),
  code: z.string(),
  param: z.string().optional(),
  payment: z.string().optional(),
  request_id: z.string().regex(/^req_[0-9A-Za-z]{8,40}$/),
  retryable: z.boolean(),
})

/** RFC 9457 in the protocol's form, with exactly this code; `param` is checked where it is given. */
export function expectProblem(answer: Answer, status: number, code: string, param?: string): void {
  const { type, ...problem } = Problem.parse(answer.json)
  expect({ ...problem, http: answer.status }).toMatchObject({
    http: status,
    status,
    code,
    ...(param === undefined ? {} : { param }),
  })
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
  expect(answer.headers.get('x-request-id')).toMatch(/^req_/)
  expect(URL.canParse(type)).toBe(true)
}
