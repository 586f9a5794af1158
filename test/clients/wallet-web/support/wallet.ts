import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core'
import { ROOT } from '../../../../tools/paths.ts'

/** A person at the wallet page, by what is written on it. */

/** A phone with the desk beside it. */
export const VIEWPORT = { width: 900, height: 900 }
const PATIENCE_MS = 20_000
const PERMISSIONS = ['clipboard-write']
/** An account nobody else has: the demo bank opens it with its default balance. */
const IBAN = 'DE89370400440532013000'

/** Names the directory that pictures for docs/wallet.md are kept in; none are made without it. */
const PICTURES = process.env['MOORING_PICTURES']

/** Codes of messages that somebody has typed already; an inbox shows older ones first. */
const USED = new Set<string>()
const LOOK_EVERY_MS = 100

export type Scheme = 'light' | 'dark'

export class Wallet {
  readonly page: Page
  readonly #context: BrowserContext
  readonly #url: string
  /** What the page complained about. */
  readonly complaints: string[] = []

  private constructor(context: BrowserContext, page: Page, url: string) {
    this.#context = context
    this.page = page
    this.#url = url
    page.on('pageerror', (error) => this.complaints.push(error.message))
    page.on('console', (message) => {
      if (/Content.Security.Policy/i.test(message.text())) this.complaints.push(message.text())
    })
  }

  static async open(browser: Browser, url: string): Promise<Wallet> {
    const context = await browser.newContext({ viewport: VIEWPORT, permissions: PERMISSIONS })
    context.setDefaultTimeout(PATIENCE_MS)
    const wallet = new Wallet(context, await context.newPage(), url)
    await wallet.page.goto(url)
    return wallet
  }

  close(): Promise<void> {
    return this.#context.close()
  }

  /** Signs up with what the desk's inbox shows. */
  async enrol(phone: string): Promise<void> {
    const { page } = this
    await page.getByLabel('Your phone number').fill(phone)
    await this.press('Send me a code')
    const code = page.getByLabel('Six digits from the message')
    await code.waitFor()
    await code.fill(await this.newestCode('is your Mooring code'))
    await this.press('Continue')
    await this.untilLive()
  }

  /** The digits of the newest message in the desk's inbox that says this and has not been used yet. */
  async newestCode(saying: string): Promise<string> {
    for (;;) {
      const message = this.page.locator('.messages li').filter({ hasText: saying }).first()
      const code = /\b\d{6}\b/.exec(await message.innerText())?.[0] ?? ''
      if (!USED.has(code)) {
        USED.add(code)
        return code
      }
      await this.page.waitForTimeout(LOOK_EVERY_MS)
    }
  }

  untilLive(): Promise<void> {
    return this.page.getByText('Live', { exact: true }).waitFor()
  }

  /** Goes to a screen as a link would; the page is not loaded again. */
  async go(screen: string): Promise<void> {
    await this.page.evaluate((hash) => {
      location.hash = hash
    }, `#/${screen}`)
  }

  heading(name: string | RegExp): Locator {
    return this.page.getByRole('heading', { name, exact: true })
  }

  button(name: string | RegExp): Locator {
    return this.page.getByRole('button', { name, exact: true })
  }

  async press(name: string | RegExp): Promise<void> {
    await this.button(name).click()
  }

  async linkBank(): Promise<void> {
    await this.go('link')
    await this.page.getByLabel('IBAN').fill(IBAN)
    await this.press('Link')
    await this.heading('Linked accounts').waitFor()
  }

  /** Up to the button that tops up. */
  async topUp(amount: string): Promise<void> {
    await this.go('topup')
    await this.page.getByRole('textbox', { name: 'Amount', exact: true }).fill(amount)
    await this.press('Continue')
  }

  /** Up to the button that pays. */
  async review(payload: string, source: string): Promise<Locator> {
    await this.go('pay')
    await this.page.getByLabel('Code from the shop').fill(payload)
    await this.press('Continue')
    await this.page.locator('.choice label').filter({ hasText: source }).click()
    const pay = this.button(/^Pay KES/)
    await pay.and(this.page.locator(':enabled')).waitFor()
    return pay
  }

  async pay(payload: string, source: string): Promise<void> {
    await (await this.review(payload, source)).click()
  }

  async send(phone: string, amount: string): Promise<Locator> {
    await this.go('send')
    await this.page.getByLabel('Phone number').fill(phone)
    await this.page.getByRole('textbox', { name: 'Amount', exact: true }).fill(amount)
    await this.press('Continue')
    const send = this.button(/^Send KES/)
    await send.and(this.page.locator(':enabled')).waitFor()
    return send
  }

  /** As its user does when the browser asks; from then on `camera` knows. */
  async allowCamera(): Promise<void> {
    await this.#context.grantPermissions([...PERMISSIONS, 'camera'])
    await this.page.evaluate(() => {
      const streams: MediaStream[] = []
      Object.assign(globalThis, { streams })
      const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
      navigator.mediaDevices.getUserMedia = async (asked) => {
        const stream = await open(asked)
        streams.push(stream)
        return stream
      }
    })
  }

  /** What has become of every camera that was opened. */
  camera(): Promise<MediaStreamTrackState[]> {
    return this.page.evaluate(() => {
      const { streams } = globalThis as unknown as { streams: MediaStream[] }
      return streams.flatMap((stream) => stream.getTracks().map(({ readyState }) => readyState))
    })
  }

  /** What the balance says. */
  async balance(): Promise<string> {
    await this.go('home')
    const text = await this.page.locator('.hero .money').innerText()
    return text.replaceAll(/\s/g, ' ')
  }

  /** Writes down every headline from now on, in order; what comes between two renderings is nobody's to see. */
  async watchHeadlines(): Promise<void> {
    await this.page.evaluate(() => {
      const seen: string[] = []
      const look = () => {
        const headline = document.querySelector('.progress h2')?.textContent ?? ''
        if (headline !== '' && headline !== seen.at(-1)) seen.push(headline)
      }
      new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true })
      Object.assign(globalThis, { seenHeadlines: seen })
    })
  }

  async headlines(): Promise<string[]> {
    return this.page.evaluate(() => (globalThis as unknown as { seenHeadlines: string[] }).seenHeadlines)
  }

  /** The steps on the screen, each with what it is. */
  async steps(): Promise<string[]> {
    const lines = await this.page.locator('.steps .step-label').allTextContents()
    return lines.map((line) => line.replaceAll(/\s+/g, ' ').trim())
  }

  /** Presses Tab until the focus is on what has this role and name. */
  async tabTo(role: 'link' | 'button' | 'textbox' | 'radio', name: string | RegExp): Promise<void> {
    const wanted = this.page.getByRole(role, { name, exact: true }).first()
    await wanted.waitFor()
    for (let presses = 0; presses < 60; presses++) {
      await this.page.keyboard.press('Tab')
      if (await wanted.evaluate((element) => element === document.activeElement)) return
    }
    throw new Error(`the keyboard does not reach the ${role} ${String(name)}`)
  }

  offline(isOffline: boolean): Promise<void> {
    return this.#context.setOffline(isOffline)
  }

  async reload(): Promise<void> {
    await this.page.reload()
  }

  /** Another tab of the same browser. */
  async otherTab(): Promise<Page> {
    const page = await this.#context.newPage()
    await page.goto(this.#url)
    return page
  }

  /** Keeps the phone as it is on the screen, for docs/wallet.md. */
  async picture(name: string, scheme: Scheme = 'light'): Promise<void> {
    if (PICTURES === undefined || PICTURES === '') return
    const dir = join(ROOT, PICTURES)
    mkdirSync(dir, { recursive: true })
    await this.page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' })
    await this.page.locator('.phone').screenshot({ path: join(dir, `${name}.png`), animations: 'disabled' })
    await this.page.emulateMedia({ colorScheme: 'light', reducedMotion: 'no-preference' })
  }
}
