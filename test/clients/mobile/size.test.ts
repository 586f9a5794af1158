import { gzipSync } from 'node:zlib'
import { join } from 'node:path'
import { build } from 'vite'
import { expect, it } from 'vitest'
import { ROOT } from '../../../tools/paths.ts'

const MOST_BYTES = 20_000

it('the SDK is at most 20 kB, minified and compressed, with all that it imports', async () => {
  const built = await build({
    root: ROOT,
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      minify: true,
      lib: { entry: join(ROOT, 'clients/mobile/index.ts'), formats: ['es'], fileName: 'mooring' },
    },
  })
  const chunks = [built].flat().flatMap((one) => ('output' in one ? one.output : []))
  const code = chunks.map((chunk) => ('code' in chunk ? chunk.code : '')).join('\n')
  expect(code).toContain('mooring-confirm+jwt')
  expect(code).not.toMatch(/\bfrom\s*["'](?:node:|zod)/)
  const bytes = gzipSync(code).length
  expect(bytes).toBeGreaterThan(5_000)
  expect(bytes).toBeLessThanOrEqual(MOST_BYTES)
})
