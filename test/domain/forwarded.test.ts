import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clientAddress } from '../../src/domain/forwarded.ts'

const PROXIES = ['10.0.0.1', '10.0.0.2']
const isProxy = (address: string) => PROXIES.includes(address)
const behind = (header: string | undefined, peer = '10.0.0.1') => clientAddress(peer, header, isProxy)

describe('who is there', () => {
  it.each([
    ['the address that the proxy saw', '203.0.113.7', '203.0.113.7'],
    ['an IPv6 one', '2001:DB8:1:2::9', '2001:db8:1:2:0:0:0:9'],
    ['an IPv4 one without the clothes of IPv6', '::ffff:203.0.113.7', '203.0.113.7'],
    ['the one that the first of two proxies saw', '203.0.113.7, 10.0.0.2', '203.0.113.7'],
    ['not what it said of itself', '198.51.100.1, 203.0.113.7', '203.0.113.7'],
    ['not what it said of itself in our name', '10.0.0.2,203.0.113.7 , 10.0.0.2', '203.0.113.7'],
    ['whatever nonsense it said of itself', 'unknown,"<>",, 203.0.113.7', '203.0.113.7'],
    ['the first proxy, where there are only proxies', '10.0.0.2, 10.0.0.1', '10.0.0.2'],
    ['the peer, where there is no header', undefined, '10.0.0.1'],
    ['the peer, where the header is empty', '', '10.0.0.1'],
    ['the peer, where it is not an address', 'unknown', '10.0.0.1'],
    ['the peer, where it has a port', '203.0.113.7:4711', '10.0.0.1'],
    ['the peer, where the last is ill-formed', '203.0.113.7, ', '10.0.0.1'],
    ['the peer, where what comes before our own is ill-formed', '203.0.113.7, _hidden, 10.0.0.2', '10.0.0.1'],
  ])('is %s', (_what, header, client) => {
    expect(behind(header)).toBe(client)
  })

  it('is the peer, whatever it says, where it is no proxy of ours', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), (peer, header) => {
        fc.pre(!isProxy(peer))
        expect(behind(header, peer)).toBe(peer)
      }),
    )
  })

  it('is not changed by anything that a client writes before its proxy adds its address', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV4(), fc.constantFrom(...PROXIES)), fc.ipV4(), (forged, client) => {
        fc.pre(!isProxy(client))
        expect(behind(`${forged}, ${client}`)).toBe(client)
      }),
    )
  })
})
