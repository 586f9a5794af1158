import type { Clock } from '../domain/clock.ts'
import type { EdgeLimits } from './limits.ts'

/**
 * Devices that were revoked a moment ago. A hello may be under way when that is told, let in by a hub that read the
 * device just before: it is ended as it comes to be ready.
 */
export class RecentlyRevoked {
  readonly #limits: Pick<EdgeLimits, 'revoked_kept_ms' | 'revoked_kept'>
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #since = new Map<string, number>()

  constructor(limits: Pick<EdgeLimits, 'revoked_kept_ms' | 'revoked_kept'>, clock: Pick<Clock, 'monotonic'>) {
    this.#limits = limits
    this.#clock = clock
  }

  add(device: string): void {
    this.#since.delete(device)
    this.#since.set(device, this.#clock.monotonic())
    // In order of time: what is past stands first.
    for (const known of this.#since.keys()) {
      if (this.#since.size <= this.#limits.revoked_kept && this.has(known)) return
      this.#since.delete(known)
    }
  }

  has(device: string): boolean {
    const since = this.#since.get(device)
    return since !== undefined && this.#clock.monotonic() - since < this.#limits.revoked_kept_ms
  }
}
