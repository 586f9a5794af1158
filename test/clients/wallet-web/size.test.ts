import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { builtPages } from '../../../tools/pages/built.ts'

const MOST_BYTES = 65_000

it('the wallet page is at most 65 kB, minified and compressed, with the SDK and all that it imports', async () => {
  const assets = join(await builtPages(() => {}), 'wallet', 'assets')
  const files = readdirSync(assets).map((name) => readFileSync(join(assets, name)))
  const code = files.join('\n')
  expect(code).toContain('mooring-confirm+jwt')
  expect(code).not.toContain('ZodError')
  const bytes = files.reduce((sum, file) => sum + gzipSync(file).length, 0)
  expect(bytes).toBeGreaterThan(15_000)
  expect(bytes).toBeLessThanOrEqual(MOST_BYTES)
})
