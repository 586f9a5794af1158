import { capAddress } from '../../domain/address.ts'

/** Counts connections by where they come from and says when one is too many. */
export class ConnectionCount {
  readonly #perAddress: number
  readonly #caps: 'on' | 'off'
  readonly #counts = new Map<string, number>()

  constructor(options: { perAddress: number; loopbackFree: boolean }) {
    this.#perAddress = options.perAddress
    this.#caps = options.loopbackFree ? 'off' : 'on'
  }

  /** Takes a place; false when the address has none left. */
  enter(address: string): boolean {
    const key = capAddress(address, this.#caps)
    if (key === null) return true
    const count = this.#counts.get(key) ?? 0
    if (count >= this.#perAddress) return false
    this.#counts.set(key, count + 1)
    return true
  }

  leave(address: string): void {
    const key = capAddress(address, this.#caps)
    if (key === null) return
    const count = (this.#counts.get(key) ?? 0) - 1
    if (count > 0) this.#counts.set(key, count)
    else this.#counts.delete(key)
  }
}
