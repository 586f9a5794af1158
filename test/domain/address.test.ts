import { isIP, SocketAddress } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { capAddress, isLoopback, networkOf, plainAddress } from '../../src/domain/address.ts'

describe('caps count an address', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::FFFF:cb00:7107', '203.0.113.7'],
    ['0000:0000:0000:0000:0000:ffff:cb00:7107', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002:0000:0000:0000:0001', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:1::1', '2001:db8:0:1::/64'],
    ['::', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::203.0.113.7', '64:ff9b:0:0::/64'],
    ['::1', '::1'],
    ['0000:0000:0000:0000:0000:0000:0000:0001', '::1'],
    ['127.0.0.1', '127.0.0.1'],
    ['nobody', 'nobody'],
  ])('%s as %s', (address, counted) => {
    expect(capAddress(address, 'on')).toBe(counted)
  })

  it.each(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', '0:0:0:0:0:ffff:7f00:1', '0:0:0:0:0:0:0:1'])(
    '%s not at all where caps are off',
    (address) => {
      expect(isLoopback(address)).toBe(true)
      expect(capAddress(address, 'off')).toBeNull()
      expect(capAddress(address, 'on')).not.toBeNull()
    },
  )

  it.each(['203.0.113.7', '::2', '1::1', '127.0.0.1.example', '127.evil', '128.0.0.1', '::ffff:0:127.0.0.1', ''])(
    '%s also where they are off',
    (address) => {
      expect(isLoopback(address)).toBe(false)
      expect(capAddress(address, 'off')).not.toBeNull()
    },
  )

  it.each([
    ['203.0.113.7', '203.0.113.0/24'],
    ['::ffff:203.0.113.7', '203.0.113.0/24'],
    ['2001:db8:1:2::9', '2001:db8:1::/48'],
    ['2001:0DB8:0001:FFFF:0:0:0:1', '2001:db8:1::/48'],
    ['2001:db8::1', '2001:db8:0::/48'],
    ['nobody', 'nobody'],
  ])('%s in the network %s', (address, network) => {
    expect(networkOf(address)).toBe(network)
  })

  it('of one /64 together, of two apart', () => {
    const groups = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 })
    const text = (all: number[]) => all.map((group) => group.toString(16)).join(':')
    fc.assert(
      fc.property(groups, groups, (one, other) => {
        const neighbour = [...one.slice(0, 4), ...other.slice(4)]
        const written = new SocketAddress({ address: text(neighbour), family: 'ipv6' }).address
        const [counted, beside] = [capAddress(text(one), 'on'), capAddress(written.toUpperCase(), 'on')]
        fc.pre([one, neighbour].every((all) => all.slice(0, 4).some((group) => group !== 0)))
        expect(beside).toBe(counted)
        const elsewhere = [...one.slice(0, 3), (one[3] ?? 0) ^ 1, ...one.slice(4)]
        expect(capAddress(text(elsewhere), 'on')).not.toBe(counted)
      }),
    )
  })
})

describe('an address', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:cb00:7107', '203.0.113.7'],
    ['2001:0DB8::9', '2001:db8:0:0:0:0:0:9'],
    ['fe80::1%eth0', 'fe80:0:0:0:0:0:0:1'],
  ])('%s is plainly %s', (written, plain) => {
    expect(plainAddress(written)).toBe(plain)
  })

  it('is what Node takes for one, which also takes any text for the name of an interface', () => {
    const almost = fc.stringMatching(/^[0-9a-f:.]{1,24}$/)
    fc.assert(
      fc.property(
        fc.oneof(
          fc.ipV4(),
          fc.ipV6(),
          almost,
          fc.string().filter((text) => !text.includes('%')),
        ),
        (text) => {
          expect([text, plainAddress(text) !== null]).toEqual([text, isIP(text) !== 0])
        },
      ),
      { numRuns: 5_000 },
    )
  })

  it.each([
    '',
    ' ',
    '1',
    '127.1',
    '010.0.0.1',
    '0x7f000001',
    '256.0.0.1',
    '1.2.3.4:80',
    '[::1]',
    '::1::',
    ':::',
    '1:2',
    '12345::',
    '1.2.3.4::',
    '::1.2.3',
    '10.0.0.0/8',
    'unknown',
    '_hidden',
    '1.2.3.4 ',
    '1.2.3.4\n',
  ])('is not %j', (text) => {
    expect([plainAddress(text) !== null, isIP(text)]).toEqual([false, 0])
  })
})
