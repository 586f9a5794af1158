import { createSecretKey, randomBytes } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { makeLog } from '../../src/observe/log.ts'
import { makeLogin, makeOpsServer } from '../../src/ops/service/index.ts'
import { freePorts } from '../../tools/process/ports.ts'
import { behindTriggers } from '../ledger/support/history.ts'
import { ids, openDesk, type Desk, type DeskOperator } from './support/desk.ts'
import { runOps, saying } from './support/ops-process.ts'

/** What operators do by the command line, as the real command, against a real ops service. */

let desk: Desk
let app: FastifyInstance
let url: string
let amara: DeskOperator

beforeAll(async () => {
  desk = await openDesk()
  amara = await desk.operator('amara')
  const [port = 0] = await freePorts(1)
  url = `http://127.0.0.1:${String(port)}`
  app = makeOpsServer({
    sql: desk.ops,
    ids,
    log: makeLog({ name: 'test', level: 'silent' }),
    ring: { writes: 'k', keys: new Map([['k', createSecretKey(randomBytes(32))]]) },
    login: makeLogin(desk.ops),
    publicUrl: new URL(url),
    temporal: { uiOrigin: null, namespace: 'default' },
    twoAboveMinor: 1_000_000n,
  })
  await app.listen({ port, host: '127.0.0.1' })
})
afterAll(async () => {
  await app.close()
  await desk.close()
})

/** The words of a command; a word with spaces is given as `more`. */
const ops = (words: string, options: { more?: string[]; env?: Record<string, string>; input?: string } = {}) =>
  runOps(
    [...words.split(' '), ...(options.more ?? [])],
    {
      MOORING_OPS_URL: url,
      MOORING_OPERATOR: 'amara',
      DATABASE_URL: desk.database.url('mooring_ops'),
      ...options.env,
    },
    options.input ?? `${amara.password}\n`,
  )
const REASON = ['--reason', 'the bank confirmed by telephone']

describe('a lost phone', () => {
  test('is found by its user’s number and shut out, with event and log, once', async () => {
    const [user, device, phone] = [ids.make('usr'), ids.make('dev'), '+254700000042']
    await desk.owner`insert into users (id, phone) values (${user}, ${phone})`
    await desk.owner`
      insert into devices (id, user_id, name, public_key, jkt, status)
      values (${device}, ${user}, 'Blue phone', '{}', 'jkt', 'active')`
    for (const who of [phone, user]) {
      const listed = await ops(`devices list ${who}`)
      expect(listed).toMatchObject({ exit: 0, err: '' })
      expect(listed.out).toMatch(new RegExp(`${device} +active +Blue phone`))
    }
    const why = ['--reason', 'its owner telephoned: stolen']
    const revoked = await ops(`devices revoke ${device}`, { more: why })
    expect(revoked).toMatchObject({ exit: 0, out: saying('is revoked') })
    expect((await ops(`devices revoke ${device}`, { more: why })).out).toContain('was revoked before')
    const events = await desk.owner`select name, body from outbox where feed = ${user}`
    expect([...events]).toMatchObject([{ name: 'device.revoked', body: { id: device, name: 'Blue phone' } }])
    const log = await desk.owner`
      select operator, detail::json as detail from ops_audit where kind = 'device_revoked' and subject = ${device}`
    expect([...log]).toEqual([{ operator: 'amara', detail: { user, reason: 'its owner telephoned: stolen' } }])
    expect((await ops('audit-log verify')).exit).toBe(0)
  })

  test.each([
    ['devices list +254799999999', [], 'there is no user of this id or phone number'],
    ['devices revoke dev_nobody', ['--reason', 'its owner telephoned'], 'there is no device dev_nobody'],
    ['devices revoke dev_nobody', ['--reason', 'lost'], 'say why, in 10 to 1,000 letters'],
    ['devices revoke dev_nobody', [], 'say why'],
  ])('%s %j is refused in words', async (words, more, message) => {
    const { exit, err } = await ops(words, { more })
    expect(exit).toBe(2)
    expect(err).toContain(message)
  })
})

describe('the command line', () => {
  test('lists what waits, shows one, and approves it: with the words for Temporal', async () => {
    const { id, reference } = await desk.waiting(1_000_001n)
    const listed = await ops('unresolved')
    expect(listed).toMatchObject({ exit: 0, err: '' })
    expect(listed.out).toContain(id)
    expect(listed.out).toContain(reference)
    const shown = await ops(`payment ${id} --json`)
    const { evidence_hash: hash } = z.object({ evidence_hash: z.string() }).parse(JSON.parse(shown.out))
    const made = await ops(`approve ${id} --action resolve_settled --evidence ${hash}`, { more: REASON })
    expect(made).toMatchObject({ exit: 0, err: '' })
    expect(made.out).toMatch(/input +\{"approval":"apr_[0-9A-Za-z]{22}"\}/)
    expect(made.out).toContain('It needs a second person')
    expect((await ops(`payment ${id}`)).out).toContain('resolve_settled: the bank confirmed by telephone')
  })

  test('leaves no session behind', async () => {
    await ops('unresolved')
    expect(await desk.ops`select from operator_sessions`).toHaveLength(0)
  })

  test.each([
    ['unresolved', { input: 'wrong' }, 'service_refused', 'unauthenticated: no operator has this name and password'],
    ['unresolved', { input: '' }, 'login_needed', 'give your password on standard input'],
    ['unresolved', { env: { MOORING_OPS_URL: 'http://127.0.0.1:9' } }, 'service_away', 'does not answer'],
    ['payment pay_nobody', {}, 'service_refused', 'not_found: there is no payment, refund or recovery pay_nobody'],
    ['approve pay_1 --action pay_me', { more: REASON }, 'bad_usage', 'expected one of inquire_now, resolve_settled'],
    ['approve pay_1 --action cancel', {}, 'bad_usage', 'say why'],
    ['approve --action cancel', { more: REASON }, 'bad_usage', '<payment, refund or recovery> is missing'],
  ])('%s is refused in words: %o', async (words, options, code, message) => {
    const { exit, out, err } = await ops(`${words} --json`, options)
    expect({ exit, out }).toEqual({ exit: 2, out: '' })
    expect(JSON.parse(err)).toMatchObject({ error: { code, message: saying(message) } })
  })

  test('approves nothing of which something has become known since', async () => {
    const { id } = await desk.waiting()
    const { err } = await ops(`approve ${id} --action cancel --evidence ${'0'.repeat(64)}`, { more: REASON })
    expect(err).toContain('evidence_changed: something has happened since you looked')
  })
})

describe('operators', () => {
  const owner = () => ({ DATABASE_URL: desk.database.url('mooring_owner') })

  test('are added by the owner with a password from standard input, listed and disabled', async () => {
    const input = 'correct horse battery staple\n'
    const added = await ops('operators add grace --person staff-77', { env: owner(), input })
    expect(added).toMatchObject({ exit: 0, err: '' })
    const asGrace = { env: { MOORING_OPERATOR: 'grace' }, input }
    expect((await ops('unresolved', asGrace)).exit).toBe(0)
    expect((await ops('operators list')).out).toMatch(/grace +staff-77 /)
    expect((await ops('operators disable grace', { env: owner() })).exit).toBe(0)
    expect((await ops('unresolved', asGrace)).exit).toBe(2)
  })

  test('are not added twice under two names, nor by the role of the service', async () => {
    const again = await ops(`operators add amara2 --person ${amara.person} --json`, { env: owner() })
    expect(JSON.parse(again.err)).toMatchObject({ error: { code: 'operator_refused', option: '--person' } })
    const byOps = await ops('operators add eve --person staff-99 --json')
    expect(JSON.parse(byOps.err)).toMatchObject({ error: { code: 'database_refused' } })
  })
})

describe('audit-log verify', () => {
  test('exits 0 on a whole log and 1 on a broken one, naming the row', async () => {
    const whole = await ops('audit-log verify --json')
    const { head } = z.object({ head: z.object({ hash: z.string() }) }).parse(JSON.parse(whole.out))
    expect((await ops(`audit-log verify --head ${head.hash}`)).out).toContain('The log is as it was written.')
    await behindTriggers(desk.owner, 'ops_audit', (tx) => tx`update ops_audit set operator = 'joseph' where no = 2`)
    const broken = await ops('audit-log verify')
    expect(broken).toMatchObject({ exit: 1, err: '' })
    expect(broken.out).toContain('Row 2 is not as it was written')
  })
})
