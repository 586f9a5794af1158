import { expect, test } from 'vitest'
import { random, type Json } from '../support/raw-key.ts'
import { codeOf, fault, type RawPhone } from '../support/raw-phone.ts'
import type { Stage } from '../support/raw-stage.ts'

/** What was never a command. */
const UNKNOWN = [
  ...[
    '',
    'nope',
    'payment',
    'payment.get ',
    'PAYMENT.GET',
    'payment.*',
    'cmd.payment.get',
    'feed.open',
    'checkout.create',
  ],
  ...['__proto__', 'constructor', 'toString', 'x'.repeat(300), 7, null, true, ['quote'], {}],
]

const PAYMENT = 'pay_0000000000000000000000'
const USER = 'usr_0000000000000000000000'
const NOT_ID = [
  '',
  'pay',
  'usr_',
  'pay_1234567',
  `pay_${'a'.repeat(41)}`,
  'pay_abc.defgh',
  'pay_abc*defgh',
  'pay_abc defgh',
  'pay_abcdefgh\n',
]

/** Neither is a PIN, of whatever letters it is. */
const NOT_PIN = ['', '123', '123456789', '12a4', '２５８０', 2580, null]
const DEVICE = { body: { device: 'dev_0000000000000000000000', action: 'a.b.c' }, optional: { pin: '2580' } }
const NOT_DEVICE = { device: ['', 'dev_1', USER, 7, null], action: ['', 7, null], pin: NOT_PIN }

/** Every command with a body that fits; each field with values that do not. */
const COMMANDS: Record<string, { starred?: true; body: Json; optional?: Json; wrong: Json }> = {
  'payment.get': { body: { payment: PAYMENT }, wrong: { payment: [...NOT_ID, USER, 7, null, [PAYMENT]] } },
  'payment.list': {
    body: {},
    optional: { limit: 1, starting_after: PAYMENT, status: 'succeeded' },
    wrong: { limit: [0, 101, -1, 1.5, '1', null], starting_after: [...NOT_ID, 7], status: ['done', '', 7, null] },
  },
  'payment.resolve_qr': { body: { payload: '000201' }, wrong: { payload: ['', 7, null, 'x'.repeat(5_000), {}] } },
  'payment.create': {
    starred: true,
    body: { merchant: 'mer_0000000000000000000000', amount: '1', currency: 'KES' },
    optional: { store: 'sto_0000000000000000000000', note: 'n' },
    wrong: {
      merchant: ['', USER, 7, null],
      store: ['', USER, 7, null],
      note: ['', 'x'.repeat(141), 7, null],
    },
  },
  quote: {
    body: { kind: 'transfer', amount: '1', currency: 'KES', source: 'wallet' },
    optional: { payee: USER },
    wrong: { kind: ['gift', '', 7, null], source: ['', 'bank', USER, 7, null], payee: ['me', PAYMENT, 7, null] },
  },
  'payment.confirm': {
    starred: true,
    body: { payment: PAYMENT, source: 'wallet', confirmation: 'a.b.c' },
    optional: { claim: 'c', pin: '2580' },
    wrong: {
      pin: NOT_PIN,
      payment: [...NOT_ID, USER, 7, null],
      source: ['', 'bank', 7, null],
      confirmation: ['', 7, null, {}],
      claim: ['', 7, null],
    },
  },
  'payment.cancel': { starred: true, body: { payment: PAYMENT }, wrong: { payment: [...NOT_ID, 7, null] } },
  'payee.resolve': {
    body: { phone: '+254700000000' },
    wrong: {
      phone: ['', '254700000000', '+0700000000', '+25470000000000000', '+2547 00000000', '+254700000000\n', 7, null],
    },
  },
  'transfer.create': {
    starred: true,
    body: { to: USER, amount: '1', currency: 'KES', confirmation: 'a.b.c' },
    optional: { note: 'for lunch', pin: '2580' },
    wrong: {
      pin: NOT_PIN,
      to: [...NOT_ID, PAYMENT, 'self', 7, null],
      confirmation: ['', 7, null],
      note: [7, null, 'bell \u0007', 'x'.repeat(2_000)],
    },
  },
  'topup.create': {
    starred: true,
    body: { source: 'src_0000000000000000000000', amount: '1', currency: 'KES', confirmation: 'a.b.c' },
    optional: { pin: '2580' },
    wrong: { source: ['', 'bank', 7, null], confirmation: ['', 7, null], pin: NOT_PIN },
  },
  'withdrawal.create': {
    starred: true,
    body: { source: 'src_0000000000000000000000', amount: '1', currency: 'KES', confirmation: 'a.b.c' },
    optional: { pin: '2580' },
    wrong: { source: ['', 'bank', 7, null], confirmation: ['', 7, null], pin: NOT_PIN },
  },
  'source.options': { body: {}, wrong: {} },
  'source.list': { body: {}, wrong: {} },
  'source.link': {
    starred: true,
    body: { type: 'bank', bank: 'demo-bank', account: 'DE89370400440532013000', action: 'a.b.c' },
    wrong: {
      type: ['operator', 'wallet', '', 7, null],
      bank: ['', 7, null],
      account: ['', 7, null],
      action: ['', 7, null],
    },
  },
  'source.respond': {
    starred: true,
    body: { source: 'src_0000000000000000000000', action: 'a.b.c' },
    optional: { value: '1' },
    wrong: { source: ['', USER, 'wallet', 7, null], value: ['', 7, null], action: ['', 7, null] },
  },
  'source.unlink': {
    starred: true,
    body: { source: 'src_0000000000000000000000', action: 'a.b.c' },
    wrong: { source: ['', USER, 'wallet', 7, null], action: ['', 7, null] },
  },
  'payment.respond': {
    starred: true,
    body: { payment: PAYMENT, step: 'enter_code', value: '352673' },
    optional: { pin: '2580' },
    wrong: {
      pin: NOT_PIN,
      payment: [...NOT_ID, USER, 7, null],
      step: ['approve_mandate', '', 7, null],
      value: ['', '12345678901', '12 34', '12-34', '٣٥٢٦٧٣', 352673, null, {}],
    },
  },
  'wallet.balances': { body: {}, wrong: {} },
  'limit.list': { body: {}, wrong: {} },
  'device.list': { body: {}, wrong: {} },
  'device.revoke': { starred: true, ...DEVICE, wrong: NOT_DEVICE },
  'device.approve': { starred: true, ...DEVICE, wrong: NOT_DEVICE },
  'code.register': {
    starred: true,
    body: { key: { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) }, action: 'a.b.c' },
    wrong: { key: ['', 7, null], action: ['', 7, null] },
  },
  'pin.set': {
    starred: true,
    body: { pin: '2580', action: 'a.b.c' },
    optional: { old_pin: '2580' },
    wrong: {
      pin: [...NOT_PIN, '1111', '00000000', '1234', '9876'],
      old_pin: ['', '2'.repeat(65), 2580, null],
      action: ['', 7, null],
    },
  },
}

const STARRED = Object.keys(COMMANDS).filter((name) => COMMANDS[name]?.starred === true)
const WITH_AMOUNT = ['quote', 'transfer.create', 'topup.create', 'withdrawal.create']

const BAD_AMOUNTS = [
  ...['', '-1', '-0', '+1', '01', '00', ' 1', '1 ', '1\n', '1e3', '1.0', '1,000', '0x10', 'NaN', 'Infinity', '１', '١'],
  ...['1000000000000000000', '9223372036854775808', '1'.repeat(500), 1, 1e3, -1, 0, 2 ** 53 + 2, null, true, ['1'], {}],
]
const BAD_CURRENCIES = ['', 'kes', 'KE', 'KESS', 'K S', '404', 404, null, ['KES']]

export function shapes(stage: () => Stage): void {
  const send = (phone: RawPhone, name: string, body: unknown) =>
    phone.ask(name, body, COMMANDS[name]?.starred === true ? random(18) : undefined)

  /** Sends every body of the table and gives what each was answered, in order. */
  const faults = async (cases: (readonly [name: string, body: unknown])[]) => {
    const { treasury, anna, ben } = stage()
    const phones = [treasury, anna, ben]
    // Each phone in its own lane: 50 commands a second are the most a user may send.
    return stage().unchanged(phones, [], async () => {
      const found: string[] = []
      const lane = async (phone: RawPhone, no: number) => {
        for (const [i, [name, body]] of cases.entries()) {
          if (i % phones.length === no) found[i] = fault(await send(phone, name, body))
        }
      }
      await Promise.all(phones.map(lane))
      return found
    })
  }

  test('a command that is not there, or not there yet, is an unknown_command, whatever comes with it', async () => {
    const { anna } = stage()
    await stage().unchanged([anna], [], async () => {
      for (const name of UNKNOWN)
        expect(codeOf(await anna.ask(name, { surprise: 1 }, random(18)))).toBe('unknown_command')
    })
  })

  test('a field too many is named, in every command', async () => {
    const cases = Object.entries(COMMANDS).map(([name, { body }]) => [name, { ...body, surprise: 1 }] as const)
    expect(await faults(cases)).toEqual(cases.map(() => 'invalid_request surprise'))
  })

  test('a key that would reach a prototype is a field too many', async () => {
    const { anna } = stage()
    const frame = (id: string, name: string, body: Json) =>
      `{"t":"cmd","id":"${id}","key":"${random(18)}","name":"${name}","body":${JSON.stringify({ ...body, x: 0 }).replace('"x":0', '"__proto__":0')}}`
    for (const [i, [name, { body }]] of Object.entries(COMMANDS).entries()) {
      anna.socket.send(frame(`proto-${i}`, name, body))
      const reply = await anna.socket.frame(name, ({ id }) => id === `proto-${i}`)
      expect(reply).toMatchObject({ ok: false, error: { code: 'invalid_request', param: '__proto__' } })
    }
  })

  test('a field that is missing is named, in every command', async () => {
    const cases = Object.entries(COMMANDS).flatMap(([name, { body }]) =>
      Object.keys(body).map((field) => [name, without(body, field), field] as const),
    )
    expect(await faults(cases.map(([name, body]) => [name, body]))).toEqual(
      cases.map(([, , field]) => `invalid_request ${field}`),
    )
  })

  test('a field of the wrong type or form is named, in every command', async () => {
    const cases = Object.entries(COMMANDS).flatMap(([name, { body, wrong, optional }]) =>
      Object.entries(wrong).flatMap(([field, values]) =>
        (Array.isArray(values) ? values : []).map(
          (value: unknown) => [name, { ...body, ...optional, [field]: value }, field] as const,
        ),
      ),
    )
    const found = await faults(cases.map(([name, body]) => [name, body]))
    const asked = ([name, , field]: (typeof cases)[number], answer: string | undefined) =>
      `${name}: ${answer ?? ''} for ${field}`
    expect(found.map((answer, i) => asked(cases[i] ?? ['', {}, ''], answer))).toEqual(
      cases.map((one) => asked(one, `invalid_request ${one[2]}`)),
    )
  })

  test('a body that is no object is an invalid_request', async () => {
    const bodies = [[], 'text', 7, true, [{}], null]
    const cases = Object.keys(COMMANDS).flatMap((name) => bodies.map((body) => [name, body] as const))
    expect(await faults(cases)).toEqual(cases.map(() => 'invalid_request'))
  })

  test('an amount is a decimal string of minor units below 10^18, and nothing that merely looks like one', async () => {
    const cases = WITH_AMOUNT.flatMap((name) =>
      BAD_AMOUNTS.map((amount) => [name, { ...COMMANDS[name]?.body, amount }] as const),
    )
    expect(await faults(cases)).toEqual(cases.map(() => 'invalid_request amount'))
  })

  test('an amount of 0 is too small', async () => {
    const cases = WITH_AMOUNT.map((name) => [name, { ...COMMANDS[name]?.body, amount: '0' }] as const)
    expect(await faults(cases)).toEqual(cases.map(() => 'amount_too_small amount'))
  })

  test('an ill-formed currency is invalid, one that is not served is not supported', async () => {
    const ill = WITH_AMOUNT.flatMap((name) =>
      BAD_CURRENCIES.map((currency) => [name, { ...COMMANDS[name]?.body, currency }] as const),
    )
    expect(await faults(ill)).toEqual(ill.map(() => 'invalid_request currency'))
    const other = WITH_AMOUNT.flatMap((name) =>
      ['EUR', 'XXX'].map((currency) => [name, { ...COMMANDS[name]?.body, currency }] as const),
    )
    expect(await faults(other)).toEqual(other.map(() => 'currency_not_supported currency'))
  })

  test('what changes something needs a key of 16 to 64 letters, digits, _ and -', async () => {
    const { anna } = stage()
    const keys = [
      undefined,
      '',
      'a'.repeat(15),
      'a'.repeat(65),
      'sixteen letters!',
      'with space 123456',
      'ключ-ключ-ключ-ключ',
      1234567890123456,
      null,
      {},
    ]
    await stage().unchanged([anna], [], async () => {
      for (const name of STARRED) {
        for (const key of keys)
          expect(codeOf(await anna.ask(name, COMMANDS[name]?.body, key))).toBe('idempotency_key_missing')
      }
    })
  })

  test('a question needs no key', async () => {
    const { anna } = stage()
    for (const name of ['wallet.balances', 'source.list', 'source.options', 'limit.list', 'payment.list']) {
      expect(codeOf(await anna.ask(name, {}))).toBe('granted')
      expect(codeOf(await anna.ask(name, undefined))).toBe('granted')
    }
  })
}

function without(body: Json, field: string): Json {
  return Object.fromEntries(Object.entries(body).filter(([name]) => name !== field))
}
