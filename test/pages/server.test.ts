import { describe, expect, it } from 'vitest'
import { readEnv } from '../../src/config/env.ts'
import { PagesEnv } from '../../src/config/pages.ts'
import { makeLog } from '../../src/observe/log.ts'
import { makePagesServer, readSite, type Desk, type PagesDeps } from '../../src/pages/index.ts'
import { builtPages } from '../../tools/pages/built.ts'

const DESK: Desk = {
  sms: async (phone) => [{ text: `to ${phone}`, at: '2026-11-23T12:00:00.000Z' }],
  charge: async (amount) => ({ payment: 'pay_0000000000000001', merchant: 'Harbour Coffee', payload: amount }),
  charged: async () => ({ status: 'succeeded' }),
}

const built = await builtPages(() => {})
const serve = (more: Partial<PagesDeps> = {}) =>
  makePagesServer({
    wallet: readSite(`${built}/wallet`),
    publicUrl: new URL('https://wallet.pay.example'),
    bridge: 'https://pay.example/v1',
    edges: ['wss://edge-0.pay.example/v1/socket', 'wss://edge-1.pay.example/v1/socket'],
    env: 'live',
    currency: 'KES',
    desk: null,
    log: makeLog({ name: 'test', level: 'silent' }),
    ...more,
  })
const host = 'wallet.pay.example'
const get = (app: ReturnType<typeof serve>, url: string, headers: Record<string, string> = { host }) =>
  app.inject({ method: 'GET', url, headers })

describe('the pages', () => {
  it('come with a policy that lets in no script, style or connection but our own', async () => {
    const page = await get(serve(), '/wallet/')
    expect(page.statusCode).toBe(200)
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8')
    const policy: Record<string, string[]> = Object.fromEntries(
      String(page.headers['content-security-policy'])
        .split('; ')
        .map((part): [string, string[]] => {
          const [name = '', ...allowed] = part.split(' ')
          return [name, allowed]
        }),
    )
    expect(policy).toMatchObject({
      'default-src': ["'none'"],
      'script-src': ["'self'"],
      'style-src': ["'self'"],
      'connect-src': ["'self'", 'https://pay.example', 'wss://edge-0.pay.example', 'wss://edge-1.pay.example'],
      'frame-ancestors': ["'none'"],
      'form-action': ["'none'"],
    })
    expect(page.headers).toMatchObject({
      'strict-transport-security': 'max-age=31536000',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
    })
    expect(page.body).not.toMatch(/<script(?![^>]*\bsrc=)|\bon\w+=|style=/)
  })

  it('keep a file whose name tells its content, and ask again for the others', async () => {
    const app = serve()
    const script = /src="(\/wallet\/assets\/[^"]+\.js)"/.exec((await get(app, '/wallet/')).body)?.[1] ?? ''
    expect((await get(app, script)).headers['cache-control']).toBe('public, max-age=31536000, immutable')
    expect((await get(app, '/wallet/service-worker.js')).headers['cache-control']).toBe('no-cache')
  })

  it('tell their script where to connect, and nothing that is secret', async () => {
    expect((await get(serve(), '/wallet/config.json')).json()).toEqual({
      env: 'live',
      bridge: 'https://pay.example/v1',
      edges: ['wss://edge-0.pay.example/v1/socket', 'wss://edge-1.pay.example/v1/socket'],
      currency: 'KES',
      demo: false,
    })
  })

  it.each(['/wallet/../package.json', '/wallet/%2e%2e/%2e%2e/package.json', '/wallet/nothing', '/etc/passwd'])(
    'have nothing at %s',
    async (url) => {
      expect((await get(serve(), url)).statusCode).toBe(404)
    },
  )

  it('are not served under a name that somebody else points here', async () => {
    expect((await get(serve(), '/wallet/', { host: 'evil.example' })).statusCode).toBe(421)
  })

  it('have no desk unless they are given one', async () => {
    const app = serve()
    for (const url of ['/demo/sms?phone=%2B254700000001', '/demo/payments/pay_0000000000000001']) {
      expect((await get(app, url)).statusCode).toBe(404)
    }
    expect((await app.inject({ method: 'POST', url: '/demo/payments', headers: { host } })).statusCode).toBe(404)
  })
})

describe('the desk of a demo', () => {
  const app = serve({ env: 'test', desk: DESK })

  it('shows a phone’s messages', async () => {
    const answer = await get(app, '/demo/sms?phone=%2B254700000001')
    expect(answer.json()).toMatchObject({ data: [{ text: 'to +254700000001' }] })
    expect((await get(app, '/demo/sms?phone=everybody')).statusCode).toBe(400)
  })

  it('charges as a merchant, whose key stays on this side', async () => {
    const post = (payload: object) => app.inject({ method: 'POST', url: '/demo/payments', headers: { host }, payload })
    expect((await post({ amount: '100' })).json()).toMatchObject({ merchant: 'Harbour Coffee', payload: '100' })
    expect((await post({ amount: '1.5' })).statusCode).toBe(400)
    expect((await get(app, '/demo/payments/pay_0000000000000001')).json()).toEqual({ status: 'succeeded' })
  })
})

describe('its settings', () => {
  const env = {
    MOORING_ENV: 'live',
    MOORING_PROCESS: 'pages-0',
    MOORING_PRIVATE_PORT: '0',
    MOORING_KEYS: '/keys',
    MOORING_PORT: '0',
    MOORING_PAGES: '/pages',
    MOORING_PAGES_URL: 'https://wallet.pay.example',
    MOORING_BRIDGE_URL: 'https://pay.example/v1',
    MOORING_EDGE_URLS: 'wss://a.example/v1/socket, wss://b.example/v1/socket',
    MOORING_CURRENCY: 'KES',
  }

  it('name every edge', () => {
    expect(readEnv(PagesEnv, env).MOORING_EDGE_URLS).toEqual(['wss://a.example/v1/socket', 'wss://b.example/v1/socket'])
  })

  it.each([
    ['the desk', { MOORING_DEMO_SMS: 'http://127.0.0.1:7502/control' }, 'MOORING_DEMO_SMS'],
    ['plain http', { MOORING_PAGES_URL: 'http://wallet.pay.example' }, 'MOORING_PAGES_URL'],
  ])('refuse %s where they are live', (_what, more, name) => {
    expect(() => readEnv(PagesEnv, { ...env, ...more })).toThrow(name)
    expect(() => readEnv(PagesEnv, { ...env, ...more, MOORING_ENV: 'test' })).not.toThrow()
  })
})
