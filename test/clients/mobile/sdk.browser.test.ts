import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { extname, join, normalize } from 'node:path'
import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findChromium } from '../../../tools/chromium.ts'
import { ROOT } from '../../../tools/paths.ts'
import type { Wallet } from './browser-page.ts'
import { payment } from './harness.ts'
import { OTP, ScriptedServer } from './scripted-server.ts'

/** In the page, where the functions given to `evaluate` run. */
declare const wallet: Wallet

const PAGE = `<!doctype html><title>wallet</title>
<script type="importmap">{"imports":{"canonicalize":"/node_modules/canonicalize/lib/canonicalize.js"}}</script>
<script type="module" src="/test/clients/mobile/browser-page.ts"></script>`

/** The tree's modules as a browser takes them: types stripped, nothing bundled. */
function serve(path: string): { type: string; text: string } | null {
  if (path === '/') return { type: 'text/html', text: PAGE }
  const inside = normalize(path)
  if (!/^\/(clients|src\/contract|src\/domain|test\/clients|node_modules\/canonicalize)\//.test(inside)) return null
  const text = readFileSync(join(ROOT, inside), 'utf8')
  return { type: 'text/javascript', text: extname(inside) === '.ts' ? stripTypeScriptTypes(text) : text }
}

describe('the SDK in a browser', () => {
  let server: ScriptedServer
  let browser: Browser
  let page: Page
  const requested: string[] = []

  beforeAll(async () => {
    server = await ScriptedServer.start()
    server.onGet = (path) => {
      requested.push(path)
      return serve(path)
    }
    const executablePath = findChromium()
    if (executablePath === undefined) throw new Error('this project runs only where a Chromium is')
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
    page = await browser.newPage()
    await page.goto(new URL('/', server.bridge).href)
    await page.waitForFunction('globalThis.wallet !== undefined')
  })

  afterAll(async () => {
    await browser.close()
    await server.close()
  })

  it('enrols with a key that cannot leave it', async () => {
    expect(await page.evaluate((otp) => wallet.signUp(otp), OTP)).toBe('dev_scripted0device')
    expect(requested.filter((path) => path.includes('zod'))).toEqual([])
  })

  it('pays, its proofs naming the page’s origin, and follows the payment over a lost socket', async () => {
    server.onCommand = ({ name }, reply) => {
      if (name === 'payment.resolve_qr') {
        reply({
          ok: true,
          body: { payment: payment(1, { status: 'requires_confirmation', payer: null }), claim: 'opaque' },
        })
      }
      if (name === 'quote')
        reply({ ok: true, body: { payer_fee: '0', total: '12345', pin_required: false, limits_ok: true } })
      if (name === 'payment.get') reply({ ok: true, body: payment(2) })
      if (name === 'payment.confirm') {
        reply({ ok: true, body: payment(2) })
        setTimeout(() => {
          server.drop()
          server.commitUnseen('payment.updated', payment(3, { status: 'succeeded' }))
        }, 50)
      }
    }
    expect(await page.evaluate(() => wallet.pay('the QR'))).toEqual(['processing', 'succeeded'])
    expect(server.hellos).toHaveLength(2)
  })

  it('is itself again after a reload: the same key, what it knew, and its place in the feed', async () => {
    await page.reload()
    await page.waitForFunction('globalThis.wallet !== undefined')
    expect(await page.evaluate(() => wallet.known())).toEqual({
      payments: [`${payment(1).id} succeeded`],
      privateKeyStays: true,
    })
    expect(Object.values(server.hellos.at(-1)?.feeds ?? {})).toMatchObject([{ epoch: 'e1', seq: 1 }])
  })
})
