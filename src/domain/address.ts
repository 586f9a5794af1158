/**
 * What caps count an address by, on bridge, edge and hub alike: the IPv4 address, or the /64 of an IPv6 one, since
 * one subscriber has all of it (RFC 6177). However it is written: some write out every zero, some an IPv4 address in
 * IPv6's clothes. Null where the caps are lifted: loopback in development.
 */
export function capAddress(address: string, caps: 'on' | 'off'): string | null {
  if (caps === 'off' && isLoopback(address)) return null
  const groups = groupsOf(address)
  if (groups === null) return address
  const dotted = dottedOf(groups)
  if (dotted !== null) return dotted
  if (isLoopback(address)) return '::1'
  const subscriber = groups.slice(0, 4).map((group) => group.toString(16))
  return `${subscriber.join(':')}::/64`
}

/** The network it is in, which one party may well have all of: the /24 of an IPv4 address, the /48 of an IPv6 one. */
export function networkOf(address: string): string {
  const groups = groupsOf(address)
  if (groups === null) return address
  const dotted = dottedOf(groups)
  if (dotted !== null) return dotted.replace(/\.\d+$/, '.0/24')
  const site = groups.slice(0, 3).map((group) => group.toString(16))
  return `${site.join(':')}::/48`
}

/** Whether it is this machine's own. */
export function isLoopback(address: string): boolean {
  const groups = groupsOf(address)
  if (groups === null) return false
  return dottedOf(groups)?.startsWith('127.') ?? groups.every((group, i) => group === (i === 7 ? 1 : 0))
}

/** A single address as all others of ours are written, an IPv4 one without IPv6's clothes; null for any other text. */
export function plainAddress(text: string): string | null {
  const groups = groupsOf(text)
  return groups === null ? null : (dottedOf(groups) ?? groups.map((group) => group.toString(16)).join(':'))
}

/** An address as IPv6's eight groups, an IPv4 one as it is mapped there; null where it is none. */
function groupsOf(address: string): number[] | null {
  if (!address.includes(':')) return dottedParts(address) === null ? null : groupsOf(`::ffff:${address}`)
  const [, text = '', dotted] = /^(.*?)(\d+\.\d+\.\d+\.\d+)?(?:%[\w.-]+)?$/.exec(address) ?? []
  const parts = dotted === undefined ? [] : dottedParts(dotted)
  if (parts === null) return null
  const [a = 0, b = 0, c = 0, d = 0] = parts
  const last = dotted === undefined ? '' : [a * 256 + b, c * 256 + d].map((group) => group.toString(16)).join(':')
  const halves = `${text}${last}`.split('::').map((half) => (half === '' ? [] : half.split(':')))
  const [front = [], back = []] = halves
  const zeros = 8 - front.length - back.length
  if (halves.length > 2 || (halves.length === 2 ? zeros < 1 : zeros !== 0)) return null
  const groups = [...front, ...Array<string>(zeros).fill('0'), ...back]
  return groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))
    ? groups.map((group) => Number.parseInt(group, 16))
    : null
}

/** An IPv4 address that is mapped into IPv6, as people write it; null for any other. */
function dottedOf(groups: readonly number[]): string | null {
  if (groups[5] !== 0xffff || groups.slice(0, 5).some((group) => group !== 0)) return null
  return groups
    .slice(6)
    .flatMap((group) => [group >> 8, group & 0xff])
    .join('.')
}

/** No leading zeros: some read them as octal. */
function dottedParts(text: string): number[] | null {
  const parts = text.split('.')
  const right = parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)
  return right ? parts.map(Number) : null
}
