import { deviceKey, enrol, generateKeyPair, MooringError } from '../../mobile/index.ts'
import type { Config } from './config.ts'
import { Emitter } from './emitter.ts'
import type { Kept, Vault } from './vault.ts'
import { ENROLMENT_UNKNOWN, errorText } from './words.ts'

export type EnrolmentState =
  | { at: 'phone'; fault: string | null }
  | { at: 'sending' }
  | { at: 'code'; attempt: number }
  | { at: 'checking' }
  | { at: 'done'; device: Kept['device'] }

/** Binding this browser to a phone number, as one value that a screen shows. */
export class Enrolment extends Emitter {
  readonly #config: Config
  readonly #vault: Vault
  #state: EnrolmentState = { at: 'phone', fault: null }
  #phone = ''
  #answer: ((otp: string) => void) | null = null
  /** Raised when the person starts again: what an earlier try still says is no longer heard. */
  #round = 0

  constructor(config: Config, vault: Vault) {
    super()
    this.#config = config
    this.#vault = vault
  }

  get state(): EnrolmentState {
    return this.#state
  }

  get phone(): string {
    return this.#phone
  }

  async start(phone: string): Promise<void> {
    const round = ++this.#round
    this.#phone = phone
    this.#enter({ at: 'sending' })
    try {
      const pair = await generateKeyPair()
      const identity = await enrol({
        bridge: this.#config.bridge,
        phone,
        deviceName: deviceName(navigator.userAgent),
        key: deviceKey(pair),
        readOtp: ({ attempt }) => this.#ask(round, attempt),
      })
      const device = { pair, identity: { user: identity.user, device: identity.device }, phone }
      if (round !== this.#round) return
      await this.#vault.put('device', device)
      // Kept, it is this browser's: too late to start again.
      this.#enter({ at: 'done', device })
    } catch (error) {
      if (round !== this.#round) return
      this.#enter({ at: 'phone', fault: enrolmentFault(error) })
    }
  }

  /** The six digits, as typed. */
  enterCode(otp: string): void {
    const answer = this.#answer
    if (answer === null) return
    this.#answer = null
    this.#enter({ at: 'checking' })
    answer(otp)
  }

  /** Another number after all. */
  back(): void {
    this.#round += 1
    this.#answer = null
    this.#enter({ at: 'phone', fault: null })
  }

  #ask(round: number, attempt: number): Promise<string> {
    return new Promise((resolve) => {
      if (round !== this.#round) return // nobody is asked any more
      this.#answer = resolve
      this.#enter({ at: 'code', attempt })
    })
  }

  #enter(state: EnrolmentState): void {
    this.#state = state
    this.changed()
  }
}

/** What a person is told where this browser could not be bound. */
export function enrolmentFault(error: unknown): string {
  if (error instanceof MooringError && error.code === 'invalid_request') {
    return 'This number is not one we can reach. Write it with its country, like +254 700 000 001.'
  }
  if (error instanceof MooringError && error.outcome === 'unknown') return ENROLMENT_UNKNOWN
  return errorText(error)
}

/** What a browser says of itself, the first that is found: each also says the names of those after it. */
const BROWSERS = { Edg: 'Edge', Firefox: 'Firefox', Chrom: 'Chrome', Safari: 'Safari' }
const SYSTEMS = {
  Android: 'Android',
  iPhone: 'iPhone',
  iPad: 'iPad',
  CrOS: 'Chromebook',
  Windows: 'Windows',
  'Mac OS': 'Mac',
  Linux: 'Linux',
}

/** What the list of devices will call this one. */
export function deviceName(agent: string): string {
  const nameIn = (names: Record<string, string>) => Object.entries(names).find(([sign]) => agent.includes(sign))?.[1]
  return `${nameIn(BROWSERS) ?? 'Browser'} on ${nameIn(SYSTEMS) ?? 'a computer'}`
}

/** A phone number as people write it, as it goes on wires; null where it is none. */
export function normalisePhone(typed: string): string | null {
  const digits = typed.replaceAll(/[\s().\-/\u00a0]/g, '').replace(/^00/, '+')
  return /^\+[1-9]\d{6,14}$/.test(digits) ? digits : null
}
