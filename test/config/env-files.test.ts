import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readEnv } from '../../src/config/env.ts'
import { RelayEnv } from '../../src/config/relay.ts'

describe('an address with a password', () => {
  let dir: string
  const environment = (more: Record<string, string>) => ({
    MOORING_ENV: 'test',
    MOORING_PROCESS: 'relay-0',
    MOORING_PRIVATE_PORT: '7450',
    MOORING_KEYS: dir,
    NATS_URL: 'nats://relay:plain@127.0.0.1:4222',
    ...more,
  })

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'mooring-env-'))
    writeFileSync(join(dir, 'database.url'), 'postgres://mooring_relay:kept@127.0.0.1:5432/mooring\n')
  })
  afterAll(() => rmSync(dir, { recursive: true }))

  it('may lie in a file', () => {
    const env = readEnv(RelayEnv, environment({ DATABASE_URL_FILE: join(dir, 'database.url') }))
    expect(env.DATABASE_URL).toBe('postgres://mooring_relay:kept@127.0.0.1:5432/mooring')
    expect(env.NATS_URL).toBe('nats://relay:plain@127.0.0.1:4222')
  })

  it('is not taken from two places', () => {
    const both = environment({ NATS_URL_FILE: join(dir, 'database.url'), DATABASE_URL: 'postgres://a:b@c:1/d' })
    expect(() => readEnv(RelayEnv, both)).toThrow('NATS_URL and NATS_URL_FILE are both set')
  })
})
