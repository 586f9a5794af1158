import { readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { chromium, type Browser, type BrowserContext } from 'playwright-core'
import { findChromium } from '../../../../tools/chromium.ts'
import { builtPages } from '../../../../tools/pages/built.ts'
import { ScriptedServer, type Cmd } from '../../mobile/scripted-server.ts'

/** The wallet page as it is built, against a server whose course the test writes: what no real one does on demand. */

const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
}
const EMPTY = ['source.list', 'device.list', 'limit.list']

export type Reply = (frame: object) => void

export class ScriptedPages {
  readonly #browser: Browser
  readonly #dir: string
  readonly #servers: ScriptedServer[] = []

  private constructor(browser: Browser, dir: string) {
    this.#browser = browser
    this.#dir = dir
  }

  static async open(): Promise<ScriptedPages> {
    const executablePath = findChromium()
    if (executablePath === undefined) throw new Error('this project runs only where a Chromium is')
    const dir = await builtPages(() => {})
    return new ScriptedPages(await chromium.launch({ executablePath, args: ['--no-sandbox'] }), dir)
  }

  /** A server of its own for one test, and the address of its wallet page. Lists are empty unless the script says more. */
  async server(script: (cmd: Cmd, reply: Reply) => void = () => {}): Promise<{ server: ScriptedServer; url: string }> {
    const server = await ScriptedServer.start()
    this.#servers.push(server)
    server.onGet = (path) => this.#file(server, path)
    server.onCommand = (cmd, reply) => {
      if (EMPTY.includes(cmd.name)) reply({ ok: true, body: { data: [] } })
      else script(cmd, reply)
    }
    return { server, url: new URL('/wallet/', server.bridge).href }
  }

  /** A browser that has never been here. */
  context(): Promise<BrowserContext> {
    return this.#browser.newContext({ serviceWorkers: 'block' })
  }

  async close(): Promise<void> {
    await this.#browser.close()
    for (const server of this.#servers) await server.close()
  }

  #file(server: ScriptedServer, path: string): { type: string; text: string } | null {
    if (path === '/wallet/config.json') {
      const { bridge, url } = server
      const config = { env: 'test', bridge, edges: [url], currency: 'KES', demo: false }
      return { type: 'application/json', text: JSON.stringify(config) }
    }
    if (!/^\/wallet\/[\w./-]*$/.test(path) || path.includes('..')) return null
    const file = path.endsWith('/') ? `${path}index.html` : path
    return { type: TYPES[extname(file)] ?? 'text/plain', text: readFileSync(join(this.#dir, file), 'utf8') }
  }
}
