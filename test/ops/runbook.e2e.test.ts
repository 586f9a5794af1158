import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { attemptReference } from '../../src/domain/ids.ts'
import { Patience } from '../../tools/demo/patience.ts'
import { followToEnd, prepare, type Order, type Way } from '../e2e/support/orders.ts'
import { openWorld, type World } from '../e2e/support/world.ts'
import { hold } from '../faults/by-hand.ts'
import { startStack, type Stack } from '../support/stack.ts'
import { commandsOf, follow } from './support/runbook.ts'
import { freeze, settleIntoSuspense, stuckTopUp, undecidedTopUp } from './support/stuck.ts'

/** What docs/runbook.md has operators do on a command line, with its own commands; with a browser: runbook.browser.test.ts. */

const PATIENCE_S = 240
const FUND_MINOR = 400_000n
const OUTAGE_S = 20
const REASON = 'Ms Otieno of the bank, by telephone'

/** What Temporal's command line prints of a history. */
const Input = z.object({ input: z.object({ payloads: z.array(z.object({ data: z.string() })) }) })
const Shown = z.object({ events: z.array(z.object({ workflowExecutionStartedEventAttributes: Input.optional() })) })
const Ring = z.object({ writes: z.string(), keys: z.record(z.string(), z.string()) })

describe('an operator with a command line alone', () => {
  let stack: Stack
  let world: World
  let nextMinor = 50_000n

  beforeAll(async () => {
    stack = await startStack()
    world = await openWorld(stack.dev(), new Patience(PATIENCE_S), { phones: 3, fundMinor: FUND_MINOR })
  })
  afterAll(async () => {
    await world?.close()
    await stack?.stop()
  })

  const orderOf = (way: Way, no: 0 | 1 = 0): Order => {
    const payer = world.phones[no]
    return {
      way,
      amountMinor: (nextMinor += 1n),
      payer,
      payee: world.phones[1 - no] ?? payer,
      merchant: world.merchants[0],
    }
  }
  const pay = async (order: Order) => {
    const { id } = await (await prepare(order, world.currency)).confirm()
    return followToEnd(world.patience, order, id)
  }
  const standing = async (id: string) => {
    const [row] = await world.sql<{ status: string; state: string | null }[]>`
      select p.status, a.state from payments p left join attempts a on a.payment = p.id where p.id = ${id}`
    return row
  }

  const [logIn = '', look = '', decide = ''] = commandsOf('On a command line')
  const operator = () => ({ PASSWORD: stack.dev().ops.operators[0]?.password ?? '' })
  const looks = (id: string) => follow(stack, logIn + look, { ...operator(), ID: id })
  const decides = (id: string, action: string, update: string) =>
    follow(stack, logIn + decide, { ...operator(), ID: id, ACTION: action, UPDATE: update, REASON })

  it('cancels what is held', async () => {
    const order = orderOf('qr from wallet')
    const id = await hold(world, order)
    await world.patience.until(`${id} to be held`, async () =>
      (await standing(id))?.status === 'requires_capture' ? true : undefined,
    )
    expect(await looks(id)).toContain('"waitsFor":"the merchant to capture or cancel"')
    expect(await decides(id, 'cancel', 'cancel')).toContain('Canceled.')
    const view = await followToEnd(world.patience, order, id)
    expect(view).toMatchObject({ status: 'canceled' })
  })

  it('reads that a rail is down, and that it is back', async () => {
    const [metrics = ''] = commandsOf('A rail is down')
    const circuit = async () => {
      const said = await follow(stack, metrics)
      return /^mooring_rail_circuit\{[^}]*rail="demo-bank"[^}]*\} (\d)$/m.exec(said)?.[1]
    }
    /** Not awaited: while the circuit refuses it the phone tries on, and it is open just then. */
    const begin = async () => {
      const { confirm } = await prepare(orderOf('top-up'), world.currency)
      confirm().catch(() => {})
    }
    await world.rails.bank.outage(OUTAGE_S, 'refuse')
    await world.patience.until('the circuit to open', async () => {
      await begin()
      return (await circuit()) === '2' ? true : undefined
    })
    expect((await pay(orderOf('qr from wallet'))).status).toBe('succeeded')
    await world.patience.until('the rail to be used again', async () => {
      await begin()
      return (await circuit()) === '0' ? true : undefined
    })
    expect((await pay(orderOf('top-up'))).status).toBe('succeeded')
  })

  it('sees that a dead hub serves again, and that nothing was lost', async () => {
    const [sees = ''] = commandsOf('A hub is dead')
    const order = orderOf('top-up')
    await world.rails.bank.rule({ amount: String(order.amountMinor) }, { kind: 'hang_after', s: 60 })
    const { id } = await (await prepare(order, world.currency)).confirm()
    const reference = attemptReference(id, 'collect', 1)
    await world.patience.until(`the bank to have booked ${reference}`, async () =>
      (await world.rails.bank.book()).some((line) => line.reference === reference) ? true : undefined,
    )
    stack.kill('hub-0')
    const said = await world.patience.until('the hub to serve', async () => {
      const all = await follow(stack, sees)
      return all.startsWith('ready') ? all : undefined
    })
    expect(said).toMatch(/"level":/)
    const view = await followToEnd(world.patience, order, id)
    expect(view).toMatchObject({ status: 'succeeded' })
  })

  it('finds what a rail said after the end, and gives the money back', async () => {
    const payer = world.phones[2] ?? world.phones[0]
    const amountMinor = (nextMinor += 1n)
    const order: Order = { ...orderOf('top-up'), payer, payee: payer, amountMinor }
    const id = await undecidedTopUp(world, payer, amountMinor)
    expect(await decides(id, 'resolve_not_moved', 'resolve')).toContain('Recorded: declined.')
    expect(await followToEnd(world.patience, order, id)).toMatchObject({ status: 'failed' })
    const recovery = await settleIntoSuspense(world, payer, id)
    const said = await looks(recovery)
    expect(said).toContain(recovery)
    expect(said).toContain('the money is in suspense')
    await expect(decides(recovery, 'approve_return', 'approve')).rejects.toThrow(/account_frozen/)
    await freeze(world, payer, false)
    expect(await decides(recovery, 'approve_return', 'approve')).toContain('Posted, and its break is ended.')
    const told = await world.patience.until('the phone to hear of it', () => {
      const known = payer.client.payments.get(id)
      return Promise.resolve(known?.recovery?.state === 'returned' ? known : undefined)
    })
    expect(told.recovery).toEqual({ kind: 'late_settlement', amount: String(amountMinor), state: 'returned' })
  })

  it('changes the codec’s keys, and old workflows open until the old one is taken out', async () => {
    const [makeKey = '', restart = ''] = commandsOf("Change the codec's keys")
    const stuck = await stuckTopUp(world, world.phones[1], (nextMinor += 1n))
    async function change(edit: (ring: z.infer<typeof Ring>) => void): Promise<void> {
      for (const role of ['hub', 'ops']) {
        const path = join(stack.dataDir, 'keys', role, 'codec.json')
        const ring = Ring.parse(JSON.parse(readFileSync(path, 'utf8')))
        edit(ring)
        writeFileSync(path, JSON.stringify(ring))
      }
      const before = { ...stack.dev().pids }
      await follow(stack, restart)
      for (const name of ['hub-0', 'ops-0']) await stack.waitForPid(name, before[name] ?? 0)
    }
    /** Whether the argument that it was started with can be read. */
    const opens = async (id: string) => {
      const show = `${logIn}\ncodec workflow show -w "$ID" --output json`
      const { events } = Shown.parse(JSON.parse(await follow(stack, show, { ...operator(), ID: id })))
      const [payload] = events[0]?.workflowExecutionStartedEventAttributes?.input.payloads ?? []
      return Buffer.from(payload?.data ?? '', 'base64').toString() === JSON.stringify({ payment: id })
    }

    const key = (await follow(stack, makeKey)).trim()
    expect(Buffer.from(key, 'base64url')).toHaveLength(32)
    expect(await opens(stuck.id)).toBe(true)
    await change((ring) => {
      ring.keys['next'] = key
    })
    await change((ring) => {
      ring.writes = 'next'
    })
    expect(await opens(stuck.id)).toBe(true)
    expect(await decides(stuck.id, 'resolve_settled', 'resolve')).toContain('Recorded: settled.')
    expect(await followToEnd(world.patience, stuck.order, stuck.id)).toMatchObject({ status: 'succeeded' })
    const young = await pay(orderOf('qr from wallet'))
    await change((ring) => {
      ring.keys = { next: key }
    })
    expect(await opens(stuck.id)).toBe(false)
    expect(await opens(young.id)).toBe(true)
    expect(await follow(stack, 'npm run --silent ops -- ledger audit')).toContain('L1          holds')
  })
})
