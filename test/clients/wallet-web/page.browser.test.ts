import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PaymentView } from '../../../src/contract/index.ts'
import { payment, wireError } from '../mobile/harness.ts'
import { OTP, USER, type Cmd, type ScriptedServer } from '../mobile/scripted-server.ts'
import { ScriptedPages, type Reply } from './support/scripted-page.ts'

/** The wallet page in a real browser against a scripted server. */

const PATIENCE_MS = 20_000

let pages: ScriptedPages

beforeAll(async () => {
  pages = await ScriptedPages.open()
})

afterAll(() => pages?.close())

/** A page of a new browser, up to the code that signs it up. */
async function askedForCode(url: string, prepare: (page: Page) => Promise<unknown> = async () => {}): Promise<Page> {
  const context = await pages.context()
  context.setDefaultTimeout(PATIENCE_MS)
  const page = await context.newPage()
  await prepare(page)
  await page.goto(url)
  await page.getByLabel('Your phone number').fill('+254700000001')
  await page.getByRole('button', { name: 'Send me a code' }).click()
  await page.getByLabel('Six digits from the message').fill(OTP)
  return page
}

async function signedUp(url: string, prepare?: (page: Page) => Promise<unknown>): Promise<Page> {
  const page = await askedForCode(url, prepare)
  await page.getByRole('button', { name: 'Continue' }).click()
  await live(page)
  return page
}

const live = (page: Page): Promise<void> => page.getByText('Live', { exact: true }).waitFor()

/** Goes to a screen as a link would. */
const go = (page: Page, place: string): Promise<void> =>
  page.evaluate((hash) => {
    location.hash = hash
  }, place)

const heading = (page: Page, name: string) => page.getByRole('heading', { name, exact: true })

/** What has the focus. */
const focused = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const one = document.activeElement
    return one === null ? 'nothing' : `${one.tagName.toLowerCase()}#${one.id}`
  })

/** What the page keeps, by name, once this is kept too. */
async function kept(page: Page, more: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
  return page.evaluate(async (put) => {
    const done = <T>(request: IDBRequest<T>): Promise<T> =>
      new Promise((resolve) => request.addEventListener('success', () => resolve(request.result)))
    const database = await done(indexedDB.open('mooring', 1))
    const store = database.transaction('kept', 'readwrite').objectStore('kept')
    for (const [name, value] of Object.entries(put)) store.put(value, name)
    const [names, values] = await Promise.all([done(store.getAllKeys()), done<unknown[]>(store.getAll())])
    database.close()
    return Object.fromEntries(
      names.map((name, i): [string, unknown] => [typeof name === 'string' ? name : '', values[i]]),
    )
  }, more)
}

const BILL = payment(1, { status: 'requires_confirmation', payer: null })

/** A shop's code that can be paid; what confirms it is the test's. */
function till(confirm: (reply: Reply) => void) {
  return ({ name }: Cmd, reply: Reply) => {
    if (name === 'payment.resolve_qr') reply({ ok: true, body: { payment: BILL, claim: 'opaque' } })
    if (name === 'quote')
      reply({ ok: true, body: { payer_fee: '0', total: '12345', pin_required: false, limits_ok: true } })
    if (name === 'payment.confirm') confirm(reply)
    if (name === 'payment.get') reply({ ok: true, body: BILL })
  }
}

async function pay(page: Page): Promise<void> {
  await go(page, '#/pay')
  await page.getByLabel('Code from the shop').fill('the QR')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('button', { name: /^Pay KES/ }).click()
}

const confirms = (server: ScriptedServer): number =>
  server.commands.filter(({ name }) => name === 'payment.confirm').length

describe('removing the wallet', () => {
  it('leaves nothing behind, an order that waits for its answer neither', async () => {
    const { server, url } = await pages.server(till(() => {}))
    const page = await signedUp(url)
    await pay(page)
    await heading(page, 'Sending').waitFor()
    await expect.poll(() => confirms(server)).toBe(1)
    await go(page, '#/me')
    await page.getByRole('button', { name: 'Remove the wallet from this browser' }).click()
    await page.getByRole('button', { name: 'Yes, remove it' }).click()
    await heading(page, 'Welcome to Mooring').waitFor()
    expect(await kept(page)).toEqual({})
  })

  it.each([
    ['of another user', (order: object) => ({ user: 'usr_another0user', orders: [order] })],
    ['of nobody knows whom', (order: object) => [order]],
  ])('is not what keeps orders apart: one %s is never sent', async (_, as) => {
    const { server, url } = await pages.server(till(() => {}))
    const page = await signedUp(url)
    const { id, kind, payee, amount, currency, capture_method, order_ref } = BILL
    const order = {
      key: 'order-key-0000000001',
      ask: {
        what: 'pay',
        payment: { id, kind, payee, amount, currency, capture_method, order_ref },
        claim: 'opaque',
        payee: 'A shop of before',
        source: 'wallet',
        label: 'Wallet',
      },
      quote: { payer_fee: '0', total: '12345' },
      at: Date.now(),
      state: { at: 'sent', until: Date.now() + 60_000 },
    }
    await kept(page, { orders: as(order) })
    await page.reload()
    await live(page)
    await go(page, '#/home')
    expect(await page.getByText('A shop of before').count()).toBe(0)
    // The page has a session and asks; what was kept would have gone out before this order.
    await pay(page)
    await expect.poll(() => confirms(server)).toBe(1)
    expect(server.commands.find(({ name }) => name === 'payment.confirm')?.key).not.toBe(order.key)
    expect(await kept(page)).toMatchObject({ orders: { user: USER, orders: [{ state: { at: 'sent' } }] } })
  })
})

describe('a sign-up that was given up', () => {
  it('keeps no device, though the server has made one meanwhile', async () => {
    const { url } = await pages.server()
    const answered = Promise.withResolvers<void>()
    const asked = Promise.withResolvers<void>()
    const page = await askedForCode(url, async (one) => {
      await one.route('**/verify', async (route) => {
        const response = await route.fetch()
        asked.resolve()
        await answered.promise
        await route.fulfill({ response })
      })
    })
    const verified = page.waitForResponse('**/verify')
    await page.getByRole('button', { name: 'Continue' }).click()
    await asked.promise
    await page.getByRole('button', { name: 'Use another number' }).click()
    await heading(page, 'Welcome to Mooring').waitFor()
    answered.resolve()
    await (await verified).finished()
    expect(await kept(page)).toEqual({})
    await page.reload()
    await heading(page, 'Welcome to Mooring').waitFor()
  })
})

describe('a phone that wakes up', () => {
  it('does not say live over a socket that has been silent for too long: it begins a session anew', async () => {
    const { server, url } = await pages.server()
    const page = await signedUp(url)
    const wake = (slept_ms: number) =>
      page.evaluate((ms) => {
        const now = Date.now.bind(Date)
        Date.now = () => now() + ms
        document.dispatchEvent(new Event('visibilitychange'))
        Date.now = now
      }, slept_ms)
    await wake(20_000)
    // What is asked now would come over the new session, were there one.
    await go(page, '#/me')
    await expect.poll(() => server.commands.map(({ name }) => name)).toContain('limit.list')
    expect(server.hellos).toHaveLength(1)

    await page.evaluate(() => {
      const lines: string[] = []
      const look = () => lines.push(document.querySelector('.line')?.textContent ?? '')
      new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true })
      Object.assign(globalThis, { lines })
    })
    await wake(600_000)
    await expect.poll(() => server.hellos).toHaveLength(2)
    await live(page)
    const lines = await page.evaluate(() => (globalThis as unknown as { lines: string[] }).lines)
    expect(lines.join('; ')).toMatch(/Connecting… · as of \d/)
  })
})

describe('the history', () => {
  const made = (n: number): PaymentView =>
    payment(1, {
      id: `pay_${String(n).padStart(22, '0')}`,
      status: 'succeeded',
      payee_name: `Shop ${n}`,
      created_at: new Date(Date.UTC(2026, 0, 1) + n * 60_000).toISOString(),
    })
  const newestFirst = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => made(to - i))

  it('shows every payment, those too that came between what was kept and a later snapshot', async () => {
    let all = newestFirst(1, 10)
    const { server, url } = await pages.server(({ name, body }, reply) => {
      if (name !== 'payment.list') return
      const { limit, starting_after: after } = body as { limit: number; starting_after?: string }
      const rest = after === undefined ? all : all.filter(({ id }) => id < after)
      reply({ ok: true, body: { data: rest.slice(0, limit), has_more: rest.length > limit } })
    })
    server.state = { payments: all, balances: [] }
    const page = await signedUp(url)
    const rows = page.locator('main .list li')
    const older = page.getByRole('button', { name: 'Show older' })
    await go(page, '#/history')
    await expect.poll(() => rows.count()).toBe(10)
    expect(await older.count()).toBe(0)

    // A long absence: of 230 payments the snapshot brings the last 50.
    const away = (to: number, epoch: string) => {
      all = newestFirst(1, to)
      server.state = { payments: all.slice(0, 50), balances: [] }
      server.restartFeed(epoch)
      server.drop()
    }
    const showAll = async (count: number) => {
      for (let before = await rows.count(); (await older.count()) > 0; before = await rows.count()) {
        await older.click()
        await expect.poll(async () => (await rows.count()) > before || (await older.count()) === 0).toBe(true)
      }
      expect(await rows.count()).toBe(count)
    }
    away(240, 'e2')
    await expect.poll(() => rows.count()).toBe(60)
    // Each press shows something new.
    await older.click()
    await expect.poll(() => rows.count()).toBeGreaterThan(60)
    await showAll(240)
    // And another one, in the same life of the page.
    away(400, 'e3')
    await expect.poll(() => rows.count()).toBe(290)
    await showAll(400)
  })
})

describe('the skip link', () => {
  it('leads to the main part of the screen, which stays with what was typed', async () => {
    const { url } = await pages.server()
    const page = await signedUp(url)
    await go(page, '#/pay')
    await page.getByLabel('Code from the shop').fill('typed so far')
    await page.getByRole('link', { name: 'Skip to the wallet' }).focus()
    await page.keyboard.press('Enter')
    await expect.poll(() => focused(page)).toBe('main#main')
    expect(await page.getByLabel('Code from the shop').inputValue()).toBe('typed so far')
    expect(await heading(page, 'Pay').count()).toBe(1)
    await page.keyboard.press('Tab')
    expect(await page.evaluate(() => document.activeElement?.closest('main') !== null)).toBe(true)
    await page.reload()
    await heading(page, 'Pay').waitFor()
  })
})

describe('a wrong PIN', () => {
  it('brings the focus back to its field, which was gone while the PIN was looked at', async () => {
    const codes = ['pin_required', 'pin_wrong']
    const { url } = await pages.server(
      till((reply) => {
        const code = codes.shift()
        if (code !== undefined) reply({ ok: false, error: wireError(code) })
      }),
    )
    const page = await signedUp(url)
    await pay(page)
    const pin = page.getByLabel('Your PIN')
    await pin.fill('1234')
    await page.keyboard.press('Enter')
    await page.getByText('That is not your PIN').waitFor()
    await expect.poll(() => pin.evaluate((field) => field === document.activeElement)).toBe(true)
    expect(await pin.inputValue()).toBe('')
  })
})

describe('a wrong code', () => {
  const asks = (version: number) => payment(version, { status: 'requires_action', next_action: { type: 'enter_code' } })

  /** A payment that waits for a code; what comes of one that is entered is the test's. */
  async function asked(entered: (server: ScriptedServer, reply: Reply) => void) {
    const { server, url } = await pages.server(({ name }, reply) => {
      if (name === 'payment.get') reply({ ok: true, body: asks(1) })
      if (name === 'payment.respond') entered(server, reply)
    })
    const page = await signedUp(url)
    server.push('payment.updated', asks(1))
    await go(page, `#/payment/${asks(1).id}`)
    const code = page.getByLabel('Code from the message')
    await code.fill('000000')
    return { server, page, code }
  }
  /** As the server takes one: the payment asks for nothing while the operator looks at it. */
  const looksAt = (server: ScriptedServer, reply: Reply) => {
    server.push('payment.updated', payment(2))
    reply({ ok: true, body: payment(2) })
  }
  const wrong = (page: Page) => page.getByText('That was not the code').waitFor()

  it('leaves the focus in its field, which is empty again and says why', async () => {
    const { page, code } = await asked((server, reply) => {
      server.push('payment.updated', asks(2))
      reply({ ok: true, body: asks(2) })
    })
    await code.evaluate((field) => field.setAttribute('data-seen', 'yes'))
    await page.keyboard.press('Enter')
    await wrong(page)
    await expect.poll(() => code.inputValue()).toBe('')
    await expect.poll(() => code.evaluate((field) => field === document.activeElement)).toBe(true)
    expect(await code.getAttribute('data-seen')).toBe('yes')
  })

  it('brings the focus back to its field, where it was gone while the code was looked at', async () => {
    const { server, page, code } = await asked(looksAt)
    await page.getByRole('button', { name: 'Enter code' }).focus()
    await page.keyboard.press('Enter')
    await code.waitFor({ state: 'detached' })
    server.push('payment.updated', asks(3))
    await wrong(page)
    await expect.poll(() => code.evaluate((field) => field === document.activeElement)).toBe(true)
    expect(await code.inputValue()).toBe('')
  })

  it('takes the focus from nothing else', async () => {
    const { server, page, code } = await asked(looksAt)
    await page.keyboard.press('Enter')
    await code.waitFor({ state: 'detached' })
    await page.getByRole('link', { name: 'Me', exact: true }).focus()
    server.push('payment.updated', asks(3))
    await wrong(page)
    // What follows a rendering has run once the next picture is there.
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))))
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Me')
  })
})

describe('a long replay', () => {
  it('writes when the server was heard once at a time, so that no order waits for a thousand of them', async () => {
    const { server, url } = await pages.server()
    const page = await signedUp(url, (one) =>
      one.addInitScript(() => {
        const seen = { waiting: 0, most: 0, strict: new Set<string>() }
        const put = IDBObjectStore.prototype.put
        IDBObjectStore.prototype.put = function (value, key) {
          if (this.transaction.durability === 'strict') seen.strict.add(JSON.stringify(key))
          if (key === 'heard') {
            seen.most = Math.max(seen.most, ++seen.waiting)
            this.transaction.addEventListener('complete', () => seen.waiting--)
          }
          return put.call(this, value, key)
        }
        Object.assign(globalThis, { seen: () => ({ ...seen, strict: [...seen.strict] }) })
      }),
    )
    const seen = () =>
      page.evaluate(() =>
        (globalThis as unknown as { seen(): { waiting: number; most: number; strict: string[] } }).seen(),
      )
    for (let i = 0; i < 999; i++) server.commitUnseen('payment.updated', payment(1 + i))
    server.commitUnseen('payment.updated', payment(1_000, { payee_name: 'The last one', status: 'succeeded' }))
    server.drop()
    await page.getByText('The last one').waitFor()
    await expect.poll(async () => (await seen()).waiting).toBe(0)
    expect((await seen()).most).toBe(1)
    expect((await seen()).strict).toEqual(['"device"'])
  })
})
