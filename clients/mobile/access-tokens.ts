import type { DeviceKey } from './device-key.ts'
import { post } from './http.ts'
import { LIMITS } from './limits.ts'
import type { Ports } from './ports.ts'
import { tokenProof } from './proofs.ts'
import { hasShape } from './shape.ts'

/** Access tokens of one device: nonce → proof → token, kept until shortly before they end, one request at a time. */
export class AccessTokens {
  readonly #ports: Ports
  readonly #bridge: string
  readonly #device: string
  readonly #key: DeviceKey
  #held: { token: string; renewAt: number } | null = null
  #underWay: Promise<string> | null = null

  constructor(options: { ports: Ports; bridge: string; device: string; key: DeviceKey }) {
    this.#ports = options.ports
    this.#bridge = options.bridge
    this.#device = options.device
    this.#key = options.key
  }

  /** A token good for a while yet. Throws MooringError: `unauthenticated` where the device is not known (any more). */
  get(): Promise<string> {
    if (this.#held !== null && this.#ports.clock.monotonic() < this.#held.renewAt) {
      return Promise.resolve(this.#held.token)
    }
    this.#underWay ??= this.#fetch().finally(() => {
      this.#underWay = null
    })
    return this.#underWay
  }

  /** The server no longer takes this token; the next `get` brings another. */
  drop(token: string): void {
    if (this.#held?.token === token) this.#held = null
  }

  async #fetch(): Promise<string> {
    const { nonce } = await post(this.#ports, `${this.#bridge}/nonces`, {}, isNonce)
    const proof = await tokenProof(this.#key, this.#device, nonce)
    const asked = this.#ports.clock.monotonic()
    const answer = await post(this.#ports, `${this.#bridge}/tokens`, { device: this.#device, proof }, isToken)
    // Its life is counted from the asking, on our monotonic clock: wall clocks may differ.
    this.#held = { token: answer.access_token, renewAt: asked + answer.expires_in * 1000 - LIMITS.token_margin_ms }
    return answer.access_token
  }
}

function isNonce(value: unknown): value is { nonce: string } {
  return hasShape(value, { nonce: 'string' })
}

function isToken(value: unknown): value is { access_token: string; expires_in: number } {
  return hasShape(value, { access_token: 'string', expires_in: 'number' })
}
