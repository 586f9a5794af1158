import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { missingFromLock, parseLock } from '../../tools/verify/lock.ts'
import { ROOT } from '../../tools/verify/steps.ts'

const text = readFileSync(join(ROOT, 'package-lock.json'), 'utf8')

describe('package-lock.json', () => {
  it('has every platform’s packages, or npm ci refuses it (tools/complete-lock.ts adds them)', () => {
    expect(missingFromLock(parseLock(text))).toEqual([])
  })

  it('is seen to miss one that was left out', () => {
    const lock = parseLock(text)
    delete lock.packages['node_modules/@swc/core-darwin-arm64']
    expect(missingFromLock(lock)).toMatchObject([{ name: '@swc/core-darwin-arm64', at: 'node_modules/@swc/core' }])
  })

  it('names no place to download from, so that it serves whoever installs', () => {
    const named = Object.values(parseLock(text).packages).filter((entry) => typeof entry['resolved'] === 'string')
    expect(named.filter((entry) => !String(entry['resolved']).startsWith('https://registry.npmjs.org/'))).toEqual([])
  })
})
