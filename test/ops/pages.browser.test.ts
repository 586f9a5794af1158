import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeDataConverter, readKeyRing } from '../../src/codec/index.ts'
import { openDatabase } from '../../src/ledger/index.ts'
import { findChromium } from '../../tools/chromium.ts'
import { startStack, type Stack } from '../support/stack.ts'
import { insertWaiting } from './support/waiting-row.ts'

/** What two operators see and do in a real browser, on a whole running system. */

const PAYMENT = 'pay_0355X7PpGEwoH38dJka001'

describe('operators', () => {
  let stack: Stack
  let browser: Browser
  let amara: Page
  const contexts: BrowserContext[] = []

  beforeAll(async () => {
    stack = await startStack()
    const executablePath = findChromium()
    if (executablePath === undefined) throw new Error('this project runs only where a Chromium is')
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
    const sql = openDatabase({ url: stack.dev().database, name: 'test', connections: 1 })
    await insertWaiting(sql, { id: PAYMENT, reference: '0355X7PpGEwoH38dJka001CO01', amountMinor: 1_234_500n })
    await sql.end()
    // A workflow that nobody works on: what Temporal stores of it is what its UI has to show.
    const connection = await Connection.connect({ address: stack.dev().temporal.address })
    const ring = readKeyRing(join(stack.dataDir, 'keys', 'ops'), 'test')
    const client = new Client({ connection, dataConverter: makeDataConverter(ring) })
    const args = [{ payment: PAYMENT }]
    await client.workflow.start('payment', { workflowId: PAYMENT, taskQueue: randomUUID(), args })
    await connection.close()
  })

  afterAll(async () => {
    await browser.close()
    await stack.stop()
  })

  async function newPage(): Promise<Page> {
    const context = await browser.newContext()
    contexts.push(context)
    return context.newPage()
  }

  async function logIn(index: number): Promise<Page> {
    const { url, operators } = stack.dev().ops
    const page = await newPage()
    await page.goto(url)
    await page.getByLabel('Name').fill(operators[index]?.name ?? '')
    await page.getByLabel('Password').fill(operators[index]?.password ?? '')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByRole('heading', { name: 'Waiting payments' }).waitFor()
    return page
  }

  async function approve(page: Page): Promise<void> {
    await page.goto(new URL(`/payments/${PAYMENT}`, stack.dev().ops.url).href)
    await page.getByLabel('Action').selectOption('resolve_settled')
    await page.getByLabel('Reason').fill('the bank confirmed line 17 by telephone')
    await page.getByRole('button', { name: 'Approve' }).click()
    await page.getByRole('heading', { name: 'Approval' }).waitFor()
  }

  it('find what waits, with its amount, its rail and why', async () => {
    amara = await logIn(0)
    const row = amara.getByRole('row', { name: PAYMENT })
    const text = await row.innerText()
    for (const part of ['12345.00 KES', 'demo-bank', '0355X7PpGEwoH38dJka001CO01', 'is not known'])
      expect(text).toContain(part)
    await row.getByRole('link').click()
    await amara.getByRole('heading', { name: 'What happened' }).waitFor()
  })

  it('need two people for a large sum, and are told what to paste in Temporal', async () => {
    await approve(amara)
    expect(await amara.getByRole('status').innerText()).toContain('second person')
    const joseph = await logIn(1)
    await joseph.goto(new URL(`/payments/${PAYMENT}`, stack.dev().ops.url).href)
    expect(await joseph.locator('form.card').innerText()).toContain('amara approved resolve_settled')
    await approve(joseph)
    expect(await joseph.getByRole('status').innerText()).toContain('It can be used until')
    expect(await joseph.locator('#argument').innerText()).toMatch(/^\{"approval":"apr_[0-9A-Za-z]{22}"\}$/)
    const link = joseph.getByRole('link', { name: `the workflow ${PAYMENT}` })
    expect(await link.getAttribute('href')).toBe(
      `${String(stack.dev().temporal.ui)}/namespaces/default/workflows/${PAYMENT}`,
    )
  })

  const workflow = (page: Page) =>
    page.goto(`${String(stack.dev().temporal.ui)}/namespaces/default/workflows/${PAYMENT}`)

  it('who are not logged in see ciphertext there', async () => {
    const stranger = await newPage()
    const refused = stranger.waitForResponse((response) => response.url().includes('/codec/decode'))
    await workflow(stranger)
    expect((await refused).status()).toBe(401)
    await stranger.getByText('Data decoding failed').first().waitFor()
    expect(await stranger.getByText(`"${PAYMENT}"`).count()).toBe(0)
  })
})
