import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findChromium } from '../../tools/chromium.ts'
import { smsTo } from '../../tools/demo/http.ts'
import { Patience } from '../../tools/demo/patience.ts'
import { ROOT } from '../../tools/paths.ts'
import { openWorld, type World } from '../e2e/support/world.ts'
import { startStack, type Stack } from '../support/stack.ts'

/** docs/examples/plain-socket.html, as a browser runs it, against everything that `npm start` runs. */

const PATIENCE_S = 150
const FUND_MINOR = 100_000n

/** What stands in the page. */
type Seen = { state: string; balance: string; events: [seq: number, text: string][] }

/** A site as it is in front of Mooring: its page, and /v1 handed on to the bridge. */
async function serve(bridge: () => string): Promise<Server> {
  const page = readFileSync(join(ROOT, 'docs/examples/plain-socket.html'))
  const server = createServer((request, response) => {
    const answer = async () => {
      const { method = 'GET', url = '/' } = request
      if (method === 'GET') return response.setHeader('content-type', 'text/html').end(page)
      const body = Buffer.concat(await request.toArray())
      const { 'content-type': type } = request.headers
      const told = await fetch(bridge() + url.replace('/v1', ''), {
        method,
        ...(body.length > 0 && { body, headers: { 'content-type': type ?? '' } }),
      })
      return response.writeHead(told.status).end(await told.text())
    }
    answer().catch(() => response.writeHead(502).end('{}'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

describe('the client in plain browser JavaScript', () => {
  let site: Server
  let stack: Stack
  let world: World
  let patience: Patience
  let browser: Browser
  let page: Page
  let user = ''
  const phone = '+254711222333'
  const faults: string[] = []

  const open = async () => {
    const { port } = site.address() as AddressInfo
    const [socket = ''] = stack.dev().edge
    await page.goto(`http://127.0.0.1:${port}/?socket=${encodeURIComponent(socket)}`)
  }
  const seen = (): Promise<Seen> =>
    page.evaluate(() => ({
      state: document.querySelector('#state')?.textContent ?? '',
      balance: document.querySelector('#balances td:last-child')?.textContent ?? '',
      events: [...document.querySelectorAll('#events li')].map((item): [number, string] => [
        Number(item.getAttribute('value')),
        item.textContent,
      ]),
    }))
  const shows = (what: string, holds: (now: Seen) => boolean): Promise<Seen> =>
    patience.until(what, async () => {
      const now = await seen()
      return holds(now) ? now : undefined
    })
  const pay = (amount: string) => world.phones[0].client.transfer({ to: user, amount, currency: world.currency })

  beforeAll(async () => {
    patience = new Patience(PATIENCE_S)
    site = await serve(() => stack.dev().bridge)
    const { port } = site.address() as AddressInfo
    stack = await startStack({ env: { MOORING_ORIGINS: `http://127.0.0.1:${port}` } })
    world = await openWorld(stack.dev(), patience, { phones: 2, fundMinor: FUND_MINOR })
    const executablePath = findChromium()
    if (executablePath === undefined) throw new Error('this project runs only where a Chromium is')
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
    page = await browser.newPage()
    page.on('pageerror', (error) => faults.push(error.message))
  })

  afterAll(async () => {
    await browser?.close()
    await world?.close()
    await stack?.stop()
    site?.close()
  })

  it('enrols by SMS, with a key that cannot leave the browser', async () => {
    await open()
    await page.fill('[name=phone]', phone)
    await page.click('#enrol button')
    const otp = await patience.until('the SMS', async () => {
      const [newest] = await smsTo(patience, stack.dev().sim.camara, phone)
      return /\b\d{6}\b/.exec(newest ?? '')?.[0]
    })
    await page.fill('[name=otp]', otp)
    await page.click('#verify button')
    await shows('a connection', ({ state }) => state.startsWith('connected'))
    const kept = await page.evaluate(async () => {
      const opened = indexedDB.open('mooring-by-hand', 1)
      await new Promise((resolve) => opened.addEventListener('success', resolve))
      const asked = opened.result.transaction('kept').objectStore('kept').get('wallet')
      await new Promise((resolve) => asked.addEventListener('success', resolve))
      const { pair, user: id } = asked.result as { pair: CryptoKeyPair; user: string }
      return { id, extractable: pair.privateKey.extractable }
    })
    expect(kept.extractable).toBe(false)
    user = kept.id
    expect(user).toMatch(/^usr_/)
  })

  it('shows money as it comes, each event once and in order', async () => {
    await pay('700')
    await pay('11')
    const { events } = await shows('both payments', ({ balance }) => balance === '711')
    const numbers = events.map(([seq]) => seq).toReversed()
    expect(numbers).toEqual(numbers.map((_seq, i) => i + (numbers[0] ?? 0)))
    expect(events.filter(([, text]) => text === 'payment.updated succeeded 700')).toHaveLength(1)
  })

  it('misses nothing of what happens while its edge is dead', async () => {
    const before = (await seen()).events.length
    const dead = stack.kill('edge-0')
    await stack.waitForPid('edge-0', dead)
    await pay('89')
    const { events } = await shows('what came meanwhile', ({ balance }) => balance === '800')
    const numbers = events.map(([seq]) => seq).toReversed()
    expect(events.length).toBeGreaterThan(before)
    expect(numbers).toEqual(numbers.map((_seq, i) => i + (numbers[0] ?? 0)))
  })

  it('is itself again after a reload, and asks only for what it has not seen', async () => {
    await open()
    const again = await shows('a connection', ({ state }) => state.startsWith('connected'))
    expect(again).toMatchObject({ state: 'connected, live', balance: '800', events: [] })
    await page.goto('about:blank')
    await pay('5')
    await open()
    const { state, events } = await shows('what came meanwhile', ({ balance }) => balance === '805')
    expect(state).toBe('connected, replay')
    expect(events.some(([, text]) => text === 'payment.updated succeeded 5')).toBe(true)
    expect(faults).toEqual([])
  })
})
