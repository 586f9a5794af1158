import { randomInt, randomUUID } from 'node:crypto'
import { chromium, type Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { findChromium } from '../../../tools/chromium.ts'
import { startStack, type Stack } from '../../support/stack.ts'
import { breaches } from './support/axe.ts'
import { Wallet } from './support/wallet.ts'

/** The wallet page's payment code, read by a shop, against a whole `npm start`. */

const Answer = z.object({ id: z.string(), status: z.string() })

let stack: Stack
let browser: Browser
let amina: Wallet

beforeAll(async () => {
  stack = await startStack()
  const executablePath = findChromium()
  if (executablePath === undefined) throw new Error('this project runs only where a Chromium is')
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  amina = await Wallet.open(browser, stack.dev().pages.wallet)
  await amina.enrol(`+2547${String(randomInt(1e8)).padStart(8, '0')}`)
  await amina.linkBank()
  await amina.topUp('4000')
  await amina.press(/^Top up KES/)
  await amina.heading('Topped up').waitFor()
})

afterAll(async () => {
  await browser?.close()
  await stack?.stop()
})

/** What the shop's scanner reads off the screen. */
async function shown(): Promise<string> {
  const digits = amina.page.locator('.digits')
  await digits.waitFor()
  return (await digits.innerText()).replaceAll(' ', '')
}

/** The shop charges by a code. */
async function charge(amount: string, code: string) {
  const { bridge, merchants, currency } = stack.dev()
  const response = await fetch(`${bridge}/payments`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${merchants[0]?.secret_key ?? ''}`,
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
    },
    body: JSON.stringify({ amount, currency, method: { type: 'code', code } }),
  })
  return { httpStatus: response.status, body: Answer.parse(await response.json()) }
}

describe('the payment code', () => {
  it('is twenty digits, as a barcode and a QR code that say the same', async () => {
    await amina.go('code')
    expect(await shown()).toMatch(/^29\d{18}$/)
    await amina.page.getByRole('img', { name: /as a barcode, 29\d\d / }).waitFor()
    await amina.page.getByRole('img', { name: /as a QR code, 29\d\d / }).waitFor()
    expect(await breaches(amina.page)).toEqual([])
    await amina.picture('code')
  })

  it('read by a shop pays from the wallet, and the page shows what was paid', async () => {
    await amina.go('code')
    const { httpStatus, body } = await charge('15000', await shown())
    expect(httpStatus).toBe(201)
    await amina.heading('Paid').waitFor()
    expect(amina.page.url()).toContain(body.id)
    expect(await amina.balance()).toBe('KES 3,850.00')
  })

  it('read for a large amount asks on the phone first, and nothing is paid without a yes', async () => {
    await forgetCode()
    await amina.go('code')
    const { body } = await charge('250000', await shown())
    expect(body.status).toBe('requires_action')
    await amina.page.getByRole('link', { name: 'Look at it' }).click()
    await amina.heading('Confirm payment').waitFor()
    expect(await amina.page.locator('.bill').innerText()).toContain('2,500')
    expect(await amina.heading('Paid').count()).toBe(0)
    await amina.press(/^Pay KES/)
    await amina.heading('Paid').waitFor()
    expect(await amina.balance()).toBe('KES 1,350.00')
  })

  it('is made without a network too, and a shop is paid by it', async () => {
    await amina.go('code')
    await amina.offline(true)
    await amina.page.locator('.line.offline').waitFor()
    const { httpStatus } = await charge('10000', await untilAnother())
    expect(httpStatus).toBe(201)
    await amina.offline(false)
    await amina.heading('Paid').waitFor()
    expect(await amina.balance()).toBe('KES 1,250.00')
  })
})

/** A code of another number at once: the page sets its codes up again where it keeps none. */
async function forgetCode(): Promise<void> {
  await amina.page.evaluate(
    () =>
      new Promise((resolve) => {
        const request = indexedDB.open('mooring', 1)
        request.addEventListener('success', () => {
          const transaction = request.result.transaction('kept', 'readwrite')
          transaction.objectStore('kept').delete('code')
          transaction.addEventListener('complete', resolve)
        })
      }),
  )
  await amina.reload()
  await amina.untilLive()
}

/** A code other than the one shown now, which was used: the next one comes within 30 s. */
async function untilAnother(): Promise<string> {
  const used = await shown()
  await expect.poll(shown, { timeout: 40_000 }).not.toBe(used)
  return shown()
}
