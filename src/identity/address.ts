import { isIPv6 } from 'node:net'

/** What caps count an address by. */
export type CapAddress = {
  /** The IPv4 address, or the /64 of an IPv6 one, since one subscriber has all of it. */
  address: string
  /** The network it is in, which one party may well have all of: the /24 of an IPv4 address, the /48 of an IPv6 one. */
  prefix: string
}

/** Null where the caps are lifted: loopback in development. */
export function capAddress(address: string | undefined, caps: 'on' | 'off'): CapAddress | null {
  const plain = (address ?? 'unknown').replace(/^::ffff:(?=\d+\.)/, '')
  if (caps === 'off' && isLoopback(plain)) return null
  if (!isIPv6(plain)) return { address: plain, prefix: plain.replace(/\.\d+$/, '.0/24') }
  const groups = ipv6Groups(plain)
  return { address: `${groups.slice(0, 4).join(':')}::/64`, prefix: `${groups.slice(0, 3).join(':')}::/48` }
}

export function isLoopback(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address)
}

/** The eight groups of an IPv6 address, `::` written out. */
function ipv6Groups(address: string): string[] {
  const [head = '', tail = ''] = address.replace(/%.*$/, '').split('::')
  const front = head === '' ? [] : head.split(':')
  const back = tail === '' ? [] : tail.split(':')
  const missing = Math.max(0, 8 - front.length - back.length)
  return [...front, ...Array.from({ length: missing }, () => '0'), ...back].map((group) => group.toLowerCase())
}
