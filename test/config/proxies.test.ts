import { describe, expect, it } from 'vitest'
import { BridgeEnv } from '../../src/config/bridge.ts'
import { EdgeEnv } from '../../src/config/edge.ts'
import { readEnv } from '../../src/config/env.ts'
import { EnvProxies } from '../../src/config/proxies.ts'

describe('MOORING_PROXIES', () => {
  const list = '10.0.0.7, 192.168.0.0/16,2001:db8:1::/48,2001:db8:2::9,'

  it.each([
    ['10.0.0.7', true],
    ['::ffff:10.0.0.7', true],
    ['0000:0000:0000:0000:0000:ffff:0a00:0007', true],
    ['192.168.3.4', true],
    ['2001:db8:1:2::3', true],
    ['2001:0db8:0002:0000:0000:0000:0000:0009', true],
    ['10.0.0.8', false],
    ['192.169.0.1', false],
    ['2001:db8:3::9', false],
    ['127.0.0.1', false],
    ['::1', false],
    ['', false],
    ['unknown', false],
  ])('names whom it names: %s %s', (address, trusted) => {
    expect(EnvProxies.parse(list)(address)).toBe(trusted)
  })

  it.each([undefined, '', ' , '])('is nobody where it is %j', (text) => {
    const isProxy = EnvProxies.parse(text)
    expect(['127.0.0.1', '::1', '10.0.0.7', ''].map(isProxy)).toEqual([false, false, false, false])
  })

  it.each([
    'balancer',
    'loopback',
    '*',
    'true',
    '10',
    '10.0.0',
    '10.0.0.256',
    '010.0.0.1',
    '10.0.0.1:80',
    '10.0.0.0/33',
    '10.0.0.0/255.0.0.0',
    '10.0.0.0/08',
    '10.0.0.0/',
    '/8',
    '0.0.0.0/0',
    '::/0',
    '2001:db8::/129',
    'fe80::1%eth0',
    '10.0.0.1 10.0.0.2',
    '10.0.0.1;10.0.0.2',
  ])('is refused with %s in it, which is named', (wrong) => {
    const said = EnvProxies.safeParse(`10.0.0.7,${wrong}`).error?.issues.map(({ message }) => message) ?? []
    expect(said).toHaveLength(1)
    expect(said[0]).toContain(`"${wrong}" is no address and no network`)
  })

  it.each([
    ['a bridge', BridgeEnv],
    ['an edge', EdgeEnv],
  ])('keeps %s from starting where it is ill-formed, by its name', (_what, schema) => {
    const environment = {
      MOORING_ENV: 'test',
      MOORING_PROCESS: 'a-0',
      MOORING_PRIVATE_PORT: '0',
      MOORING_PORT: '0',
      MOORING_KEYS: '/keys',
      MOORING_CAPS: 'on',
      NATS_URL: 'nats://127.0.0.1:1',
    }
    const start = (written: string) => () => readEnv(schema, { ...environment, MOORING_PROXIES: written })
    expect(start('10.0.0.0/8')).not.toThrow()
    expect(start('10.0.0.0/33')).toThrow('MOORING_PROXIES: "10.0.0.0/33" is no address and no network')
  })
})
