import { isIPv6 } from 'node:net'

/**
 * What caps per address count by: the IPv4 address, or the /64 of an IPv6 one,
 * since one subscriber has all of it. Null where the caps are lifted: loopback
 * in development.
 */
export function capAddress(address: string | undefined, caps: 'on' | 'off'): string | null {
  const plain = (address ?? 'unknown').replace(/^::ffff:(?=\d+\.)/, '')
  if (caps === 'off' && isLoopback(plain)) return null
  return isIPv6(plain) ? `${ipv6Groups(plain).slice(0, 4).join(':')}::/64` : plain
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
