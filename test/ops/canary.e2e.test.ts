import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { open, readKeyRing, type KeyRing } from '../../src/codec/index.ts'
import { makeIban } from '../../src/domain/iban.ts'
import { smsTo } from '../../tools/demo/http.ts'
import { Patience } from '../../tools/demo/patience.ts'
import { followToEnd, prepare, WAYS, type Order } from '../e2e/support/orders.ts'
import { openWorld, type World } from '../e2e/support/world.ts'
import { startStack, type Stack } from '../support/stack.ts'
import { steerBank } from './support/stuck.ts'

/**
 * What people are and what proves who they are goes through real payments on every rail, and is then looked for where it
 * must not be: Temporal's histories, as they lie and decrypted, its search and its database file, every process's log,
 * and the subjects of events.
 */

const PATIENCE_S = 280
const FUND_MINOR = 200_000n
const HOLDER = 'Zuhura Kanariwala'
const PINS = ['90817263', '80719264'] as const
const NOTE = 'for the operation of Zuhura Kanariwala'

/** Shapes that no canary has to be planted for. */
const SHAPES: readonly [string, RegExp][] = [
  ['a phone number', /\+?254[17]\d{8}(?!\d)/],
  ['an account number', /\b[A-Z]{2}\d{2}\d{14,18}\b/],
  ['a signed token', /\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/],
]

type Found = { where: string; text: string }

describe('nothing of a person', () => {
  let stack: Stack
  let world: World
  let canaries: [string, string | RegExp][] = []

  beforeAll(async () => {
    stack = await startStack({ env: { LOG_LEVEL: 'debug' } })
    const dev = stack.dev()
    world = await openWorld(dev, new Patience(PATIENCE_S), { phones: 2, fundMinor: FUND_MINOR })
    const [payer, payee] = world.phones
    const account = makeIban('DE', '777777770000999123')
    await steerBank(dev, '/accounts', { account, balance: '500000', currency: dev.currency, holder: HOLDER })
    const poor = 'DE93999999990000000001'
    const linked = await payer.client.linkBank({ bank: dev.sim.bank.bank, account })
    // Set, changed, and sent beside a payment.
    await payer.client.setPin({ pin: PINS[0] })
    await payer.client.setPin({ pin: PINS[1], oldPin: PINS[0] })
    const declining = await payer.client.linkBank({ bank: dev.sim.bank.bank, account: poor })

    let amountMinor = 1_000n
    const pay = async (order: Order) => {
      const { confirm } = await prepare(order, world.currency)
      return followToEnd(world.patience, order, (await confirm()).id)
    }
    const merchant = world.merchants[0]
    for (const way of WAYS) await pay({ way, amountMinor: (amountMinor += 1n), payer, payee, merchant })
    const { client } = payer
    for (const source of [linked.id, declining.id]) {
      const money = { amount: String((amountMinor += 1n)), currency: world.currency }
      const quote = await client.command('quote', { kind: 'topup', ...money, source })
      const { id } = await client.topup({ ...money, source, quote, pin: PINS[1] })
      await followToEnd(world.patience, { way: 'top-up', amountMinor, payer, payee, merchant }, id)
    }
    const money = { amount: String((amountMinor += 1n)), currency: world.currency }
    const quote = await client.command('quote', { kind: 'transfer', ...money, source: 'wallet', payee: payee.user })
    const { id } = await client.transfer({ ...money, to: payee.user, quote, note: NOTE })
    await followToEnd(world.patience, { way: 'person to person', amountMinor, payer, payee, merchant }, id)

    const otps = await Promise.all(
      world.phones.map(({ accounts }) => smsTo(world.patience, dev.sim.camara, accounts.operator)),
    )
    canaries = [
      ...world.phones.flatMap(({ name, accounts }): [string, string][] => [
        [`the number of ${name}`, accounts.operator.slice(1)],
        [`the account of ${name}`, accounts.bank],
      ]),
      ['a linked account', account],
      ['an account that was declined', poor],
      ['a name', HOLDER],
      ['a note', NOTE],
      ...PINS.map((pin): [string, RegExp] => ['a PIN', new RegExp(`(?<![\\w.:-])${pin}(?![\\w.:-])`)]),
      ...otps.flat().flatMap((text): [string, RegExp][] => {
        const code = /\b\d{6}\b/.exec(text)?.[0]
        return code === undefined ? [] : [['a one-time password', new RegExp(`(?<![\\w.:-])${code}(?![\\w.:-])`)]]
      }),
      ...dev.merchants.map(({ secret_key: key }): [string, string] => ['a merchant’s secret key', key]),
      ...dev.ops.operators.map(({ password }): [string, string] => ['an operator’s password', password]),
      ...secretsIn(join(stack.dataDir, 'keys')),
    ]
  })

  afterAll(async () => {
    await world?.close()
    await stack?.stop()
  })

  function search(texts: Iterable<Found>): string[] {
    const hits = new Set<string>()
    for (const { where, text } of texts) {
      for (const [what, needle] of [...canaries, ...SHAPES]) {
        const at = typeof needle === 'string' ? text.indexOf(needle) : text.search(needle)
        if (at >= 0) hits.add(`${where}: ${what}, ${JSON.stringify(text.slice(Math.max(0, at - 60), at + 60))}`)
      }
    }
    return [...hits]
  }

  it('is in Temporal, be it encrypted or not: ids alone', async () => {
    const { address, namespace } = stack.dev().temporal
    const connection = await Connection.connect({ address })
    const client = new Client({ connection, namespace })
    const ring = readKeyRing(join(stack.dataDir, 'keys', 'ops'), 'test')
    const found: Found[] = []
    let workflows = 0
    for await (const info of client.workflow.list()) {
      workflows += 1
      const { workflowId, runId } = info
      const history = await client.workflow.getHandle(workflowId, runId).fetchHistory()
      for (const text of textsIn({ listed: info.raw, history }, ring)) found.push({ where: workflowId, text })
    }
    await connection.close()
    expect(workflows).toBeGreaterThan(WAYS.length)
    // Decryption works, so that finding nothing means something.
    expect(found.some(({ where, text }) => text.includes(`{"payment":"${where}"}`))).toBe(true)
    expect(search(found)).toEqual([])

    const dir = join(stack.dataDir, 'temporal')
    const files = readdirSync(dir).filter((name) => name.startsWith('temporal.db'))
    expect(search(files.map((name) => ({ where: name, text: readFileSync(join(dir, name), 'latin1') })))).toEqual([])
  })

  it('is in the log of any process', () => {
    const dir = join(stack.dataDir, 'logs')
    const logs = readdirSync(dir).map((name) => ({ where: name, text: readFileSync(join(dir, name), 'utf8') }))
    expect(logs.filter(({ text }) => text.length > 0).length).toBeGreaterThan(5)
    expect(search(logs)).toEqual([])
  })

  it('is in what the start printed', () => {
    expect(search([{ where: 'npm start', text: stack.output() }])).toEqual([])
  })

  it('is in an event’s subject', async () => {
    const feeds = await world.sql<{ feed: string; name: string }[]>`select distinct feed, name from outbox`
    expect(feeds.length).toBeGreaterThan(WAYS.length / 2)
    expect(search(feeds.map(({ feed, name }) => ({ where: 'outbox', text: `${feed} ${name}` })))).toEqual([])
  })
})

/** Whatever lies in key files that is long enough to be a secret. */
function secretsIn(dir: string): [string, string][] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(dir, name)).isFile() && /\.(password|key)$/.test(name))
    .map((name): [string, string] => [`the secret ${name}`, readFileSync(join(dir, name), 'utf8').trim()])
    .filter(([, secret]) => secret.length >= 16 && !secret.includes('\n'))
}

/** Every text in it, bytes as they lie, and what payloads of ours hold. */
function* textsIn(value: unknown, ring: KeyRing): Generator<string> {
  if (typeof value === 'string') yield value
  else if (value instanceof Uint8Array) yield Buffer.from(value).toString('utf8')
  else if (Array.isArray(value)) for (const each of value) yield* textsIn(each, ring)
  else if (typeof value === 'object' && value !== null) {
    if ('metadata' in value && 'data' in value && isBytesByName(value.metadata) && value.data instanceof Uint8Array) {
      const opened = open(ring, { metadata: value.metadata, data: value.data })
      if (opened.ok) yield Buffer.from(opened.payload.data ?? []).toString('utf8')
    }
    for (const [name, each] of Object.entries(value)) {
      yield name
      yield* textsIn(each, ring)
    }
  }
}

function isBytesByName(value: unknown): value is Record<string, Uint8Array> {
  return typeof value === 'object' && value !== null && Object.values(value).every((each) => each instanceof Uint8Array)
}
