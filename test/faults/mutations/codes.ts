import { broken, type Mutation } from '../../support/mutations/mutation.ts'

const TEST = 'test/payments/customer-codes.pg.test.ts'
const RULE = 'test/domain/untouched.test.ts'

const check = broken('src/payments/codes/codes.ts', TEST)
const book = broken('src/payments/codes/book.ts', TEST)
const pays = broken('src/payments/commands/pay-by-code.ts', TEST)
const register = broken('src/payments/commands/register-code.ts', TEST)
const judge = broken('src/ledger/functions/judge_code.sql', TEST)
const caps = broken('src/domain/untouched.ts', RULE)

/** Codes that customers show: once, by whom they are, guessed at seldom, and not for too much. */
export const CODES: readonly Mutation[] = [
  check('takes a code a step too long', '[current, current - 1]', '[current, current - 1, current - 2]'),
  check('takes a code only in its own step', '[current, current - 1]', '[current]'),
  book(
    'lets the guesses of one merchant hold all connections',
    'judging.run(merchant, () =>',
    'judging.run(crypto.randomUUID(), () =>',
  ),
  check('takes any nine digits', 'timingSafeEqual(Buffer.from(codeDigits(mac)), Buffer.from(code.digits))', 'true'),
  check(
    'tells a number that nobody has from a wrong code',
    "if (judged.verdict === 'wrong' || row === null || step === undefined) return err(codeInvalid())",
    "if (row === null) return err({ ...codeInvalid(), message: 'Nobody has this number.' })\n      if (judged.verdict === 'wrong' || step === undefined) return err(codeInvalid())",
  ),
  book(
    'pays by the code of a device that is shut out',
    "(d.status = 'active' or (d.status = 'restricted' and d.restricted_until <= clock_timestamp()))",
    'true',
  ),
  book(
    'takes no code of a device whose waiting time is over',
    " or (d.status = 'restricted' and d.restricted_until <= clock_timestamp())",
    '',
  ),
  book('pays by the code of a user who is gone', "and u.status = 'active'", ''),
  pays('pays a second time by a code', 'jti: spends,\n    device: null', 'jti: null,\n    device: null'),
  pays(
    'pays by the code of a device that is revoked meanwhile',
    'guard: { device: notRevoked(row), code: {',
    'guard: { code: {',
  ),
  pays('asks a device that is revoked meanwhile', '      guard: { device: notRevoked(row) },\n', ''),
  pays('asks a second time by a code', '      jti: spends,\n', ''),
  {
    name: 'uses a code up by a payment that is refused',
    tests: [TEST],
    edits: [
      {
        file: 'src/ledger/functions/apply_units.sql',
        from: "if v_code is null and u -> 'jti' is not null then",
        to: "if u -> 'jti' is not null then",
      },
    ],
  },
  {
    name: 'answers a used code as it does a used signature',
    tests: [TEST],
    edits: [
      {
        file: 'src/payments/commands/pipeline.ts',
        from: 'decision.anewWhereSpent === true ? null',
        to: 'decision.anewWhereSpent === undefined ? null',
      },
    ],
  },
  {
    name: 'guesses at the code of an order that is refused anyway',
    tests: [TEST],
    edits: [
      {
        file: 'src/payments/checkout.ts',
        from: '  const fault = sumFault(deps, merchant, body)\n',
        to: "  if (body.method?.type === 'code') await deps.codes.check(merchant.merchant, body.method.code, 0)\n  const fault = sumFault(deps, merchant, body)\n",
      },
    ],
  },
  pays('shows a payment that has its payer as one to be claimed', 'qr_token: null, payer', 'payer'),
  register('keeps the secret of codes open', 'deps.codes.seal(secret, { device, number })', "secret.toString('hex')"),
  register('begins the count anew where a device registers again', '    ...before,\n', ''),
  register('gives a device the number it had', 'const number = String', 'const number = before?.number ?? String'),
  judge('takes the right code of a locked number', 'if p_right and not v_locked then', 'if p_right then'),
  judge('locks a number for as long as it is tried', 'case when v_locked then null else p_number end', 'p_number'),
  judge(
    'locks a number for ever',
    'where number = p_number and at > v_now - p_number_window',
    'where number = p_number',
  ),
  judge('locks a number one guess late', 'count(*) >= p_number_misses', 'count(*) > p_number_misses'),
  judge('blocks a merchant one guess late', 'if v_misses >= p_merchant_misses', 'if v_misses > p_merchant_misses'),
  judge(
    'counts the guesses of one merchant at a number alone',
    'where number = p_number and',
    'where number = p_number and merchant = p_merchant and',
  ),
  judge(
    'gives guesses of a merchant at once more tries than in turn',
    "  perform pg_advisory_xact_lock(hashtextextended('codes of ' || p_merchant, 0));\n",
    '',
  ),
  judge(
    'gives guesses at a number at once more tries than in turn',
    "  perform pg_advisory_xact_lock(hashtextextended('codes of number ' || p_number, 0));\n",
    '',
  ),
  judge('keeps what does not count any more', 'at <= v_now - greatest(p_merchant_window, p_number_window)', 'false'),
  {
    name: 'counts nothing anew when a payment is signed on the device',
    tests: [TEST],
    edits: [
      {
        file: 'src/payments/commands/accept.ts',
        from: '      if (device !== null) deps.codes.touched(device)\n',
        to: '',
      },
    ],
  },
  {
    name: 'takes another’s yes to what was asked by a code',
    tests: [TEST],
    edits: [
      {
        file: 'src/payments/commands/confirm.ts',
        from: 'if (payment?.payer !== user) return err(notFound())',
        to: 'if (payment === null) return err(notFound())',
      },
    ],
  },
  {
    name: 'takes a yes that comes too late',
    tests: [TEST],
    edits: [
      { file: 'src/payments/commands/confirm.ts', from: '(asked && past)', to: 'asked === past' },
      {
        file: 'src/payments/commands/accept.ts',
        from: '...(before.expires_at === null ? {} : { unexpired: true as const }),',
        to: '',
      },
    ],
  },
  caps('pays any sum by code alone', 'amountMinor <= caps.paymentMaxMinor && ', ''),
  caps('pays any sum a day by code alone', 'after.minor <= caps.dayMaxMinor && ', ''),
  caps('pays as often as it comes by code alone', ' && after.count <= caps.countMax', ''),
  caps('forgets at midnight how often a code has paid', '(counts ? before.count : 0)', '(sameDay ? before.count : 0)'),
  caps('counts the days before', 'sameDay ? before.minor : 0n', 'counts ? before.minor : 0n'),
  caps('takes a signature of before for one since', 'before.touchedMs < before.atMs', 'before.touchedMs > before.atMs'),
]
