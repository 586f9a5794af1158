/**
 * Builds the pages people open in a browser into a folder of its own, which
 * appears whole or not at all; `npm start` and the tests call it where these
 * sources have not been built yet (tools/pages/built.ts).
 *
 *   node_modules/.bin/node tools/build-pages.ts <folder> [version]
 */
import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { build } from 'vite'
import { ROOT } from './paths.ts'
import { offlineList } from './pages/offline-list.ts'

const [folder, version = 'by-hand'] = process.argv.slice(2)
if (folder === undefined) throw new Error('name the folder to build into')
const dir = resolve(folder)
const partial = `${dir}.partial`
rmSync(partial, { recursive: true, force: true })
mkdirSync(dirname(dir), { recursive: true })

const wallet = join(ROOT, 'clients/wallet-web')
await build({
  root: wallet,
  base: '/wallet/',
  configFile: false,
  publicDir: join(wallet, 'public'),
  logLevel: 'warn',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  define: { BUILD: JSON.stringify(version) },
  plugins: [offlineList()],
  build: {
    outDir: join(partial, 'wallet'),
    emptyOutDir: true,
    target: 'es2024',
    modulePreload: { polyfill: false },
    // A data: address would need a hole in the content security policy.
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: { index: join(wallet, 'index.html'), 'service-worker': join(wallet, 'service-worker.ts') },
      output: {
        entryFileNames: ({ name }) => (name === 'service-worker' ? '[name].js' : 'assets/[name]-[hash].js'),
      },
    },
  },
})
rmSync(dir, { recursive: true, force: true })
renameSync(partial, dir)
