import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { bundled } from './bundle.ts'

const MOST_BYTES = 20_000

it('the SDK is at most 20 kB, minified and compressed, with all that it imports', async () => {
  const code = await bundled('es')
  expect(code).toContain('mooring-confirm+jwt')
  expect(code).not.toMatch(/\bfrom\s*["'](?:node:|zod)/)
  const bytes = gzipSync(code).length
  expect(bytes).toBeGreaterThan(5_000)
  expect(bytes).toBeLessThanOrEqual(MOST_BYTES)
})
