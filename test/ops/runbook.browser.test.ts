import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findChromium } from '../../tools/chromium.ts'
import { Patience } from '../../tools/demo/patience.ts'
import { followToEnd, type Ended, type Order } from '../e2e/support/orders.ts'
import { disagreements } from '../e2e/support/proof.ts'
import { openWorld, type World } from '../e2e/support/world.ts'
import { hold } from '../faults/by-hand.ts'
import { startStack, type Stack } from '../support/stack.ts'
import { freeze, settleIntoSuspense, stuckTopUp, undecidedTopUp } from './support/stuck.ts'
import {
  currentDetails,
  findByStage,
  openWorkflow,
  picture,
  sendUpdate,
  useCodec,
  VIEWPORT,
} from './support/temporal-ui.ts'

/**
 * docs/runbook.md, followed by people with a browser and nothing else. Its pictures are made here:
 * MOORING_PICTURES=docs/runbook npx vitest run --project browser test/ops/runbook.browser.test.ts
 */

const PATIENCE_S = 900
const FUND_MINOR = 100_000n
/** One person decides about the first, two about the second. */
const SMALL_MINOR = 250_000n
const LARGE_MINOR = 450_000n
const HELD_MINOR = 12_345n
const LATE_MINOR = 54_321n
const TWO_ABOVE_MINOR = '400000'

describe('an operator with a browser alone', () => {
  let stack: Stack
  let world: World
  let browser: Browser
  let amara: Page
  let joseph: Page
  let small: { order: Order; id: string }
  let large: { order: Order; id: string }

  beforeAll(async () => {
    stack = await startStack({ env: { MOORING_OPS_TWO_ABOVE: TWO_ABOVE_MINOR } })
    const executablePath = findChromium()
    if (executablePath === undefined) throw new Error('this project runs only where a Chromium is')
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
    world = await openWorld(stack.dev(), new Patience(PATIENCE_S), { phones: 2, fundMinor: FUND_MINOR })
    small = await stuckTopUp(world, world.phones[0], SMALL_MINOR)
    large = await stuckTopUp(world, world.phones[1], LARGE_MINOR)
  })

  afterAll(async () => {
    await browser?.close()
    await world?.close()
    await stack?.stop()
  })

  const attempt = async (id: string) => {
    const [row] = await world.sql<{ state: string; inquiries: number }[]>`
      select state, inquiries::int as inquiries from attempts where payment = ${id}`
    return row ?? { state: 'none', inquiries: 0 }
  }

  async function logIn(index: number): Promise<Page> {
    const { url, operators } = stack.dev().ops
    const context = await browser.newContext({ viewport: VIEWPORT })
    context.setDefaultTimeout(60_000)
    const page = await context.newPage()
    await page.goto(url)
    await page.getByLabel('Name').fill(operators[index]?.name ?? '')
    await page.getByLabel('Password').fill(operators[index]?.password ?? '')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByRole('heading', { name: 'Waiting payments' }).waitFor()
    await useCodec(page, stack.dev())
    return page
  }

  /** An approval made on the ops page, and what that page says to send. */
  async function approve(page: Page, id: string, action: string, reason: string, name?: string) {
    await page.goto(new URL(`/payments/${encodeURIComponent(id)}`, stack.dev().ops.url).href)
    await page.getByLabel('Action').selectOption(action)
    await page.getByLabel('Reason').fill(reason)
    if (name !== undefined) await picture(page, `${name}-decide`)
    await page.getByRole('button', { name: 'Approve' }).click()
    await page.getByRole('heading', { name: 'Approval' }).waitFor()
    if (name !== undefined) await picture(page, `${name}-approval`)
    const argument = await page.locator('#argument').innerText()
    const update = await page.locator('pre').first().innerText()
    await page.getByRole('link', { name: `the workflow ${id}` }).click()
    return { name: update, argument }
  }

  it('finds what is stuck, and reads why it waits', async () => {
    amara = await logIn(0)
    await findByStage(amara, stack.dev(), 'outcome_unknown', small.id)
    await picture(amara, 'stuck')
    await world.patience.until('the ops page to list it', async () => {
      await amara.goto(stack.dev().ops.url)
      return (await amara.getByRole('row', { name: small.id }).count()) > 0 ? true : undefined
    })
    await picture(amara, 'waiting')
    await openWorkflow(amara, stack.dev(), small.id)
    await amara.getByText(`"${small.id}"`).first().waitFor()
    await picture(amara, 'payload')
    expect(await currentDetails(amara)).toMatch(
      /^Waits for an inquiry at demo-bank, until \d{4}-\d\d-\d\dT.*looks again/,
    )
    await picture(amara, 'details')
  })

  it('who is not logged in sees ciphertext', async () => {
    const page = await (await browser.newContext({ viewport: VIEWPORT })).newPage()
    await openWorkflow(page, stack.dev(), small.id)
    await page.getByText('Data decoding failed').first().waitFor()
    await picture(page, 'ciphertext')
    expect(await page.getByText(`"${small.id}"`).count()).toBe(0)
  })

  it('is refused without an approval, and nothing moves', async () => {
    const before = await attempt(small.id)
    await openWorkflow(amara, stack.dev(), small.id)
    await sendUpdate(amara, { name: 'resolve', argument: '{"approval":"apr_0000000000000000000000"}' })
    await amara.getByText('there is no such approval').filter({ visible: true }).first().waitFor()
    await picture(amara, 'refused')
    expect(await attempt(small.id)).toMatchObject({ state: before.state })
  })

  it('asks the rail again', async () => {
    const { inquiries } = await attempt(small.id)
    const update = await approve(amara, small.id, 'inquire_now', 'the bank says that it answers again', 'ask')
    expect(update.name).toBe('inquireNow')
    await sendUpdate(amara, update, 'ask-update')
    await expect.poll(async () => (await attempt(small.id)).inquiries, { timeout: 60_000 }).toBeGreaterThan(inquiries)
    expect((await attempt(small.id)).state).toBe('unknown')
  })

  it('decides it, and phone, ledger, bank and page agree', async () => {
    const reason = 'Ms Otieno of the bank named line 17 of its statement'
    const update = await approve(amara, small.id, 'resolve_settled', reason, 'decide')
    await sendUpdate(amara, update, 'decide-update')
    const view = await followToEnd(world.patience, small.order, small.id)
    expect(view).toMatchObject({ status: 'succeeded', status_reason: null })
    await amara.goto(new URL(`/payments/${small.id}`, stack.dev().ops.url).href)
    expect(await amara.locator('main').innerText()).toMatch(/approval apr_\w+ was acted on/)
    await amara.getByText('was acted on').last().scrollIntoViewIfNeeded()
    await picture(amara, 'decided')
    expect(await ended(small, view)).toEqual([])
  })

  it('decides a large one only with a second person', async () => {
    const reason = 'Mr Mwangi of the bank sent its statement, line 18'
    joseph = await logIn(1)
    const first = await approve(amara, large.id, 'resolve_settled', reason)
    await sendUpdate(amara, first)
    await amara.getByText('needs the approval of a second person').filter({ visible: true }).first().waitFor()
    await picture(amara, 'two-refused')
    expect((await attempt(large.id)).state).toBe('unknown')
    const second = await approve(joseph, large.id, 'resolve_settled', 'I read line 18 of that statement myself')
    await sendUpdate(joseph, second)
    const view = await followToEnd(world.patience, large.order, large.id)
    expect(view).toMatchObject({ status: 'succeeded', status_reason: null })
    expect(await ended(large, view)).toEqual([])
  })

  it('reads what the review schedule found', async () => {
    const { temporal } = stack.dev()
    await amara.goto(`${String(temporal.ui)}/namespaces/${temporal.namespace}/schedules/review`)
    await amara.getByText('Calls operators to what waits too long').first().waitFor()
    await picture(amara, 'schedule')
    expect(await amara.getByText('review').count()).toBeGreaterThan(0)
  })

  it('cancels what is held', async () => {
    const payer = world.phones[0]
    const order: Order = {
      way: 'qr from wallet',
      amountMinor: HELD_MINOR,
      payer,
      payee: payer,
      merchant: world.merchants[0],
    }
    const id = await hold(world, order)
    await findByStage(amara, stack.dev(), 'awaiting_merchant', id)
    const update = await approve(amara, id, 'cancel', 'the shop asked for it by telephone', 'cancel')
    expect(update.name).toBe('cancel')
    await sendUpdate(amara, update)
    expect(await followToEnd(world.patience, order, id)).toMatchObject({ status: 'canceled' })
  })

  it('finds what a rail said after the end, and approves what follows', async () => {
    const payer = world.phones[1]
    const id = await undecidedTopUp(world, payer, LATE_MINOR)
    await sendUpdate(amara, await approve(amara, id, 'resolve_not_moved', 'Ms Otieno of the bank says that it is void'))
    const order: Order = { ...large.order, amountMinor: LATE_MINOR }
    expect(await followToEnd(world.patience, order, id)).toMatchObject({ status: 'failed' })
    const recovery = await settleIntoSuspense(world, payer, id)
    await amara.goto(stack.dev().ops.url)
    await amara.getByRole('link', { name: recovery }).click()
    await amara.getByText('the money is in suspense').first().waitFor()
    await picture(amara, 'recovery')
    await freeze(world, payer, false)
    await findByStage(amara, stack.dev(), 'needs_operator', recovery)
    const reason = 'Ms Otieno sent line 19 of its statement'
    const update = await approve(amara, recovery, 'approve_return', reason)
    await sendUpdate(amara, update, 'recovery-update')
    await world.patience.until('the phone to hear of it', () =>
      Promise.resolve(payer.client.payments.get(id)?.recovery?.state === 'returned' ? true : undefined),
    )
    await amara.goto(new URL(`/payments/${id}`, stack.dev().ops.url).href)
    await amara.getByRole('heading', { name: 'Said by demo-bank after the outcome' }).first().waitFor()
    expect(await amara.locator('main').innerText()).toContain('operators decided it')
  })

  const over: Ended[] = []
  function ended({ order }: { order: Order }, view: Ended['view']): Promise<string[]> {
    over.push({ order, view })
    // The bank's book also has the other one, which nobody has decided yet.
    return over.length < 2 ? Promise.resolve([]) : disagreements(world, over)
  }
})
