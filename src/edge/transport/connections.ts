import { SocketAddress, isIPv6 } from 'node:net'

/** Counts connections by where they come from and says when one is too many. */
export class ConnectionCount {
  readonly #perAddress: number
  readonly #loopbackFree: boolean
  readonly #counts = new Map<string, number>()

  constructor(options: { perAddress: number; loopbackFree: boolean }) {
    this.#perAddress = options.perAddress
    this.#loopbackFree = options.loopbackFree
  }

  /** Takes a place; false when the address has none left. */
  enter(address: string): boolean {
    const key = addressKey(address)
    const count = this.#counts.get(key) ?? 0
    if (count >= this.#perAddress && !(this.#loopbackFree && isLoopback(key))) return false
    this.#counts.set(key, count + 1)
    return true
  }

  leave(address: string): void {
    const key = addressKey(address)
    const count = (this.#counts.get(key) ?? 0) - 1
    if (count > 0) this.#counts.set(key, count)
    else this.#counts.delete(key)
  }
}

/** An address as most write it: some write out every zero of an IPv6 one, also of an IPv4 one in its clothes. */
export function plainAddress(address: string): string {
  return isIPv6(address) ? new SocketAddress({ address, family: 'ipv6' }).address : address
}

/** One customer's share of the address space: an IPv4 address, or an IPv6 /64 (RFC 6177). */
export function addressKey(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped?.[1] !== undefined) return mapped[1]
  if (!isIPv6(address) || address === '::1') return address
  const [head = '', tail] = address.split('::', 2)
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const groups =
    tail === undefined
      ? left
      : [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right]
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, '').toLowerCase())
    .join(':')}::/64`
}

function isLoopback(key: string): boolean {
  return key === '::1' || key.startsWith('127.')
}
