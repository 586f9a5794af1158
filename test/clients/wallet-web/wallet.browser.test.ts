import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { chromium, type Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findChromium } from '../../../tools/chromium.ts'
import { MerchantServer } from '../../../tools/demo/http.ts'
import { Patience } from '../../../tools/demo/patience.ts'
import { RailWitness } from '../../e2e/support/rails.ts'
import { readQrPicture } from '../../support/qr-picture.ts'
import { startStack, type Stack } from '../../support/stack.ts'
import { breaches } from './support/axe.ts'
import { filmCode } from './support/camera.ts'
import { Wallet } from './support/wallet.ts'

/**
 * The wallet page in a real browser against a whole `npm start`. Its pictures are made here:
 * MOORING_PICTURES=docs/wallet npm test -- test/clients/wallet-web/wallet.browser
 */

const PATIENCE_S = 240
const BANK = 'Demo Bank'
const newNumber = () => `+2547${String(randomInt(1e8)).padStart(8, '0')}`

let stack: Stack
let browser: Browser
/** What the camera sees. */
let film: string
let merchant: MerchantServer
let bank: RailWitness
let amina: Wallet
let brian: Wallet
const [aminaPhone, brianPhone] = [newNumber(), newNumber()]

beforeAll(async () => {
  stack = await startStack()
  const executablePath = findChromium()
  if (executablePath === undefined) throw new Error('this project runs only where a Chromium is')
  film = join(stack.dataDir, 'camera.y4m')
  browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--use-fake-device-for-media-stream', `--use-file-for-fake-video-capture=${film}`],
  })
  const patience = new Patience(PATIENCE_S)
  const [first] = stack.dev().merchants
  if (first === undefined) throw new Error('dev.json names no merchant')
  merchant = new MerchantServer(first, stack.dev().bridge, patience)
  bank = new RailWitness('bank', stack.dev(), patience)
})

afterAll(async () => {
  await browser?.close()
  await stack?.stop()
})

/** A code at the till, over this many minor units. */
async function till(amount: string) {
  const order_ref = `till-${amount}-${randomInt(1e9)}`
  const { payment, payload } = await merchant.createPayment({
    amount,
    currency: 'KES',
    order_ref,
    description: 'Two flat whites',
  })
  return { id: payment.id, payload, status: async () => (await merchant.readPayment(payment.id)).status }
}

/** How often the bank moved this amount. */
async function movedAtBank(amount: string): Promise<number> {
  return (await bank.book()).filter((line) => line.amount === amount && line.effect === 'moved').length
}

describe('a new phone', () => {
  it('signs up with the code from the inbox beside it, by a key that cannot leave the browser', async () => {
    amina = await Wallet.open(browser, stack.dev().pages.wallet)
    await amina.picture('welcome')
    await amina.enrol(aminaPhone)
    const kept = await amina.page.evaluate(async () => {
      const database = await new Promise<IDBDatabase>((resolve) => {
        const request = indexedDB.open('mooring', 1)
        request.addEventListener('success', () => resolve(request.result))
      })
      const device = await new Promise<{ pair: CryptoKeyPair }>((resolve) => {
        const request = database.transaction('kept').objectStore('kept').get('device')
        request.addEventListener('success', () => resolve(request.result as { pair: CryptoKeyPair }))
      })
      const exported = await crypto.subtle.exportKey('jwk', device.pair.privateKey).then(
        () => 'exported',
        () => 'refused',
      )
      return { extractable: device.pair.privateKey.extractable, exported, local: localStorage.length }
    })
    expect(kept).toEqual({ extractable: false, exported: 'refused', local: 0 })
    expect(new URL(amina.page.url()).search).toBe('')
  })

  it('links a bank account and tops up', async () => {
    await amina.linkBank()
    await amina.topUp('1,500')
    await amina.page.getByText('Enter digits and at most 2 decimals').waitFor()
    await amina.topUp('1500')
    await amina.press(/^Top up KES/)
    await amina.heading('Topped up').waitFor()
    expect(await amina.balance()).toBe('KES 1,500.00')
    expect(await movedAtBank('150000')).toBe(1)
  })

  it('opens in one tab at a time', async () => {
    const other = await amina.otherTab()
    await other.getByRole('heading', { name: 'Open in another tab' }).waitFor()
    await other.close()
    expect(await amina.page.getByText('Live', { exact: true }).count()).toBe(1)
  })
})

describe('a payment', () => {
  it('shows each status of the bank’s slow answer, and says paid when the server does', async () => {
    await bank.rule({ amount: '4242' }, { kind: 'late_callback', after_s: 3 })
    const shop = await till('4242')
    await amina.review(shop.payload, BANK)
    await amina.picture('review')
    await amina.watchHeadlines()
    await amina.press(/^Pay KES/)
    await amina.page.getByText(`Waiting for ${BANK}`).waitFor()
    expect(await shop.status()).toBe('processing')
    expect(await amina.page.getByText('Paid, done').count()).toBe(0)
    await amina.picture('waiting')
    await amina.heading('Paid').waitFor()
    expect(await shop.status()).toBe('succeeded')
    const headlines = await amina.headlines()
    expect(headlines.filter((one) => one !== 'Looking it up' && one !== 'Sending')).toEqual([
      'On its way',
      'Waiting',
      'Paid',
    ])
    expect(await amina.steps()).toEqual([
      'Confirmed on this phone, done',
      'Accepted, done',
      `Waited for ${BANK} ··3000, done`,
      `${BANK} ··3000 answered, done`,
      'Paid, done',
    ])
    await amina.picture('paid')
    expect(await movedAtBank('4242')).toBe(1)
  })

  it('pressed twice is paid once', async () => {
    brian = await Wallet.open(browser, stack.dev().pages.wallet)
    await brian.enrol(brianPhone)
    const send = await amina.send(brianPhone, '100')
    await send.dblclick()
    await amina.heading('Sent').waitFor()
    expect(await amina.balance()).toBe('KES 1,400.00')
    await expect.poll(() => brian.balance()).toBe('KES 100.00')
    await brian.go('history')
    expect(await brian.page.locator('main .list li').count()).toBe(1)
  })

  it('is scanned with the camera, which then is off; without leave for it the code can be pasted', async () => {
    const shop = await till('3300')
    filmCode(film, shop.payload)
    await amina.go('pay')
    await amina.press('Scan a code')
    await amina.page.getByText('The camera cannot be used.').waitFor()
    await amina.allowCamera()
    await amina.press('Scan a code')
    await amina.heading('Confirm payment').waitFor()
    expect(await amina.camera()).toEqual(['ended'])
    await amina.page.locator('.choice label').filter({ hasText: BANK }).click()
    await amina.press(/^Pay KES/)
    await amina.heading('Paid').waitFor()
    expect(await shop.status()).toBe('succeeded')
  })

  it('at a shop’s sticker is as much as its payer says', async () => {
    const [shop] = stack.dev().merchants
    const picture = await fetch(`${stack.dev().bridge}/stores/${shop?.store ?? ''}/qr.svg`, {
      headers: { authorization: `Bearer ${shop?.secret_key ?? ''}` },
    })
    await amina.go('pay')
    await amina.page.getByLabel('Code from the shop').fill(readQrPicture(await picture.text()))
    await amina.press('Continue')
    await amina.heading(`Pay ${shop?.name ?? ''}`).waitFor()
    await amina.page.getByRole('textbox', { name: 'Amount', exact: true }).fill('no')
    await amina.press('Continue')
    await amina.page.getByText('Enter digits and at most 2 decimals').waitFor()
    await amina.page.getByRole('textbox', { name: 'Amount', exact: true }).fill('75.50')
    await amina.page.getByText('Enter digits and at most 2 decimals').waitFor({ state: 'detached' })
    await amina.picture('sticker')
    await amina.press('Continue')
    await amina.page.locator('.choice label').filter({ hasText: BANK }).click()
    await amina.press(/^Pay KES/)
    await amina.heading('Paid').waitFor()
    expect(await movedAtBank('7550')).toBe(1)
  })

  it('that is refused says why and what to do, and charges nothing', async () => {
    const pay = await amina.review((await till('400000')).payload, 'Wallet')
    await pay.click()
    await amina.heading('Not accepted').waitFor()
    await amina.page.getByText('There is not enough money there. Top up, or choose another way to pay.').waitFor()
    expect(await amina.balance()).toBe('KES 1,400.00')
  })

  it('asks for the operator’s code, says of a wrong one that it is wrong, and takes the right one', async () => {
    const operator = new RailWitness('operator', stack.dev(), new Patience(PATIENCE_S))
    await operator.asksForCodes(aminaPhone)
    const shop = await till('2500')
    await amina.pay(shop.payload, 'Phone bill')
    const code = amina.page.getByLabel('Code from the message')
    await code.fill('000000')
    await amina.press('Enter code')
    await amina.page.getByText('That was not the code').waitFor()
    await code.fill(await amina.newestCode('on your phone bill'))
    await amina.press('Enter code')
    await amina.heading('Paid').waitFor()
    expect(await shop.status()).toBe('succeeded')
  })
})

describe('whatever breaks', () => {
  it('a payment whose edge is killed while it waits ends with the status still right', async () => {
    await bank.rule({ amount: '5151' }, { kind: 'late_callback', after_s: 4 })
    const shop = await till('5151')
    await amina.pay(shop.payload, BANK)
    await amina.page.getByText(`Waiting for ${BANK}`).waitFor()
    const pid = stack.kill('edge-0')
    await amina.page.locator('.line.connecting').waitFor()
    expect(await amina.page.locator('.line').innerText()).toMatch(/^Connecting… · as of \d/)
    expect(await amina.heading('Paid').count()).toBe(0)
    await stack.waitForPid('edge-0', pid)
    await amina.heading('Paid').waitFor()
    await amina.untilLive()
    expect(await shop.status()).toBe('succeeded')
    expect(await movedAtBank('5151')).toBe(1)
  })

  it('a payment sent to an edge that never answers is taken up after a reload, under the same key', async () => {
    const shop = await till('6161')
    const pay = await amina.review(shop.payload, BANK)
    const pid = stack.kill('edge-0', 'SIGSTOP')
    await pay.click()
    await amina.heading('Sending').waitFor()
    await amina.reload()
    await amina.go('home')
    await amina.page.getByText('Waiting for the answer').waitFor()
    expect(await amina.page.getByText('Paid', { exact: true }).first().isVisible()).toBe(true)
    expect(await shop.status()).toBe('requires_confirmation')
    process.kill(pid, 'SIGCONT')
    await expect.poll(() => shop.status(), { timeout: 60_000 }).toBe('succeeded')
    await amina.page.getByText('Waiting for the answer').waitFor({ state: 'hidden' })
    expect(await movedAtBank('6161')).toBe(1)
  })

  it('offline it shows what was, since when, and opens all the same', async () => {
    const before = await amina.balance()
    // The service worker has put the page by.
    await amina.page.evaluate(() => navigator.serviceWorker.ready.then(() => true))
    await amina.offline(true)
    await amina.page.locator('.line.offline').waitFor()
    await amina.reload()
    expect(await amina.page.locator('.line').innerText()).toMatch(/^Offline · as of \d/)
    await amina.page.getByText('Available when last heard').waitFor()
    expect(await amina.balance()).toBe(before)
    await amina.picture('offline')
    await amina.offline(false)
    await amina.untilLive()
  })

  it('an order made offline has not left, and goes out once when the network is back', async () => {
    const shop = await till('7171')
    const pay = await amina.review(shop.payload, BANK)
    await amina.offline(true)
    await amina.page.locator('.line.offline').waitFor()
    await pay.click()
    await amina.heading('Waiting for a connection').waitFor()
    await amina.button('Take it back').waitFor()
    await amina.picture('queued')
    expect(await shop.status()).toBe('requires_confirmation')
    await amina.offline(false)
    await amina.heading('Paid').waitFor()
    expect(await movedAtBank('7171')).toBe(1)

    const other = await till('8181')
    const again = await amina.review(other.payload, BANK)
    await amina.offline(true)
    await amina.page.locator('.line.offline').waitFor()
    await again.click()
    await amina.press('Take it back')
    await amina.heading('Your wallet').waitFor()
    await amina.offline(false)
    await amina.untilLive()
    expect(await other.status()).toBe('requires_confirmation')
  })
})

describe('trust', () => {
  it('a large payment asks for the PIN, and a wrong one costs nothing but another try', async () => {
    await amina.go('pin')
    const choose = async (pin: string) => {
      await amina.page.getByLabel('New PIN', { exact: true }).fill(pin)
      await amina.page.getByLabel('New PIN again').fill(pin)
      await amina.press('Set PIN')
    }
    await choose('1234')
    await amina.page.getByText('Too easy to guess').waitFor()
    await choose('2580')
    await amina.page.getByText('Your PIN is set.').waitFor()
    await amina.topUp('6000')
    await amina.page.getByLabel('Your PIN').fill('9753')
    await amina.press(/^Top up KES/)
    await amina.heading('Your PIN, please').waitFor()
    expect(await movedAtBank('600000')).toBe(0)
    await amina.page.getByLabel('Your PIN').fill('2580')
    await amina.press('Continue')
    await amina.heading('Topped up').waitFor()
    expect(await movedAtBank('600000')).toBe(1)
  })

  it('a second phone only looks until the first approves it, and is out at once when it is shut out', async () => {
    const second = await Wallet.open(browser, stack.dev().pages.wallet)
    await second.enrol(aminaPhone)
    await second.page.getByText('This phone is new and can only look.').first().waitFor()
    const pay = await second.review((await till('1000')).payload, 'Phone bill')
    await pay.click()
    await second.page.getByText('This phone is not approved yet.').waitFor()

    await amina.go('devices')
    await amina.picture('devices')
    await amina.press(/^Approve/)
    await second.page.getByText('This phone is new and can only look.').waitFor({ state: 'hidden' })
    await amina.press(/^Shut out/)
    await amina.press('Yes, shut it out')
    await second.page.getByText('This phone is signed out.').waitFor()
    expect(await second.page.locator('.line').innerText()).toMatch(/^Signed out/)
    expect(await amina.page.getByText('Live', { exact: true }).count()).toBe(1)
    await second.close()
  })
})

describe('everybody can use it', () => {
  it('a payment needs no mouse, and each screen begins at its heading', async () => {
    const shop = await till('3131')
    await amina.go('home')
    await amina.heading('Your wallet').waitFor()
    await amina.tabTo('link', 'Pay')
    await amina.page.keyboard.press('Enter')
    await amina.heading('Pay').waitFor()
    await expect.poll(() => amina.page.evaluate(() => document.activeElement?.textContent)).toBe('Pay')
    await amina.tabTo('textbox', 'Code from the shop')
    await amina.page.keyboard.insertText(shop.payload)
    await amina.tabTo('button', 'Continue')
    await amina.page.keyboard.press('Enter')
    await amina.heading('Confirm payment').waitFor()
    await amina.tabTo('radio', /^Wallet/)
    await amina.page.keyboard.press('ArrowDown')
    await expect.poll(() => amina.page.getByRole('radio', { name: /Demo Bank/ }).isChecked()).toBe(true)
    await amina
      .button(/^Pay KES/)
      .and(amina.page.locator(':enabled'))
      .waitFor()
    await amina.tabTo('button', /^Pay KES/)
    await amina.page.keyboard.press('Enter')
    await amina.heading('Paid').waitFor()
    expect(await movedAtBank('3131')).toBe(1)
  })

  /** Those of which docs/wallet.md shows a picture. */
  const PICTURED = new Set(['home-dark'])
  const SCREENS = ['home', 'pay', 'send', 'topup', 'withdraw', 'history', 'me', 'accounts', 'link', 'devices', 'pin']
  it.each(['light', 'dark'] as const)('no screen breaks WCAG 2.2 AA in the %s', async (colorScheme) => {
    await amina.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    const found: string[] = []
    for (const screen of SCREENS) {
      await amina.go(screen)
      await amina.page.locator('main h1').waitFor()
      await amina.untilLive()
      for (const breach of await breaches(amina.page)) found.push(`${screen}: ${breach}`)
      const name = `${screen}-${colorScheme}`
      if (PICTURED.has(name)) await amina.picture(name, colorScheme)
    }
    await amina.review((await till('1100')).payload, BANK)
    for (const breach of await breaches(amina.page)) found.push(`review: ${breach}`)
    await amina.go('history')
    await amina.page.locator('main .list a').first().click()
    await amina.page.locator('.steps').waitFor()
    for (const breach of await breaches(amina.page)) found.push(`payment: ${breach}`)
    await amina.page.emulateMedia({ colorScheme: 'light', reducedMotion: 'no-preference' })
    expect(found).toEqual([])
  })

  it('nothing moves for those who want no motion', async () => {
    await amina.page.emulateMedia({ reducedMotion: 'reduce' })
    const moving = await amina.page.evaluate(
      () => [...document.querySelectorAll('*')].filter((one) => getComputedStyle(one).animationName !== 'none').length,
    )
    expect(moving).toBe(0)
    await amina.page.emulateMedia({ reducedMotion: 'no-preference' })
  })

  it('and the page has complained about nothing, its policy neither', () => {
    expect([...amina.complaints, ...brian.complaints]).toEqual([])
  })
})
