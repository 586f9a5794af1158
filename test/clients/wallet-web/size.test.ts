import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { builtPages } from '../../../tools/pages/built.ts'

const MOST_BYTES = 65_000
/** What reads the camera's picture, fetched when it is first opened. */
const MOST_LATER_BYTES = 30_000

it('the wallet page is at most 65 kB, minified and compressed, with the SDK and all that it imports', async () => {
  const wallet = join(await builtPages(() => {}), 'wallet')
  const page = readFileSync(join(wallet, 'index.html'), 'utf8')
  const files = readdirSync(join(wallet, 'assets')).map((name) => {
    const file = readFileSync(join(wallet, 'assets', name))
    return { text: file.toString(), bytes: gzipSync(file).length, isAtOnce: page.includes(name) }
  })
  const [atOnce, later] = [files.filter(({ isAtOnce }) => isAtOnce), files.filter(({ isAtOnce }) => !isAtOnce)]
  const code = atOnce.map(({ text }) => text).join('\n')
  expect(code).toContain('mooring-confirm+jwt')
  expect(code).not.toContain('ZodError')
  const bytes = sum(atOnce)
  expect(bytes).toBeGreaterThan(15_000)
  expect(bytes).toBeLessThanOrEqual(MOST_BYTES)
  expect(later).toHaveLength(1)
  expect(sum(later)).toBeLessThanOrEqual(MOST_LATER_BYTES)
})

const sum = (files: readonly { bytes: number }[]): number => files.reduce((so, { bytes }) => so + bytes, 0)
