import { z } from 'zod'
import type { DevJson } from '../../../tools/dev-json.ts'
import type { Patience } from '../../../tools/demo/patience.ts'

/** The demo rails by what they are, each as `dev.json` names its simulator and the processes its process. */
export const RAIL_NAMES = ['bank', 'operator', 'money'] as const
export type RailName = (typeof RAIL_NAMES)[number]
export const SIMULATOR: Readonly<Record<RailName, string>> = {
  bank: 'sim-bank',
  operator: 'sim-camara',
  money: 'sim-gsma',
}

const Line = z.object({
  reference: z.string(),
  operation: z.enum(['collect', 'payOut', 'refund']),
  amount: z.string(),
  currency: z.string(),
  account: z.string(),
  effect: z.enum(['moved', 'returned']),
  times_requested: z.number().int(),
})
export type RailLine = z.infer<typeof Line>
const Book = z.object({ data: z.array(Line) })
const Account = z.object({ balance: z.string() })
const Rule = z.object({ id: z.string() })
const Rules = z.object({ data: z.array(Rule) })

/** A fault of the control API, with its parameters. */
export type Fault = { kind: string } & Readonly<Record<string, string | number | boolean>>
/** Which calls a rule strikes; `step` is the operator's. */
export type Match = { amount: string; operation?: string; step?: string }

/** What a rail itself says, and how it is told to misbehave (its control API). */
export class RailWitness {
  /** As our books name it. */
  readonly id: string
  readonly name: RailName
  readonly #control: { control: string; control_token: string }
  readonly #patience: Patience

  constructor(name: RailName, dev: DevJson, patience: Patience) {
    const { bank, camara, gsma } = dev.sim
    this.name = name
    this.id = { bank: bank.bank, operator: camara.operator, money: gsma.operator }[name]
    this.#control = { bank, operator: camara, money: gsma }[name]
    this.#patience = patience
  }

  async book(): Promise<RailLine[]> {
    return Book.parse(await this.#call('GET', '/book')).data
  }

  async balanceMinor(account: string): Promise<bigint> {
    return BigInt(Account.parse(await this.#call('GET', `/accounts/${encodeURIComponent(account)}`)).balance)
  }

  /** The next call that fits meets this fault. Answers the rule's id. */
  async rule(match: Match, fault: Fault): Promise<string> {
    return Rule.parse(await this.#call('POST', '/rules', { match, fault, times: 1 })).id
  }

  /** Ids of the rules that still wait for a call that fits. */
  async waitingRules(): Promise<Set<string>> {
    return new Set(Rules.parse(await this.#call('GET', '/rules')).data.map(({ id }) => id))
  }

  /** Every payment over this amount is answered so much later. */
  async delay(amountMinor: bigint, ms: number): Promise<void> {
    await this.#call('POST', '/rules', { match: { amount: amountMinor.toString() }, fault: { kind: 'delay', ms } })
  }

  /** Shares of arrivals by kind of fault; none ends them. */
  async random(seed: number, faults: Readonly<Record<string, number>>): Promise<void> {
    await this.#call('POST', '/random', { seed, faults })
  }

  async decide(reference: string, outcome: 'settled' | 'declined'): Promise<void> {
    await this.#call('POST', '/decide', { reference, outcome })
  }

  /** The operator sends a code to this phone for every payment. */
  async asksForCodes(phone: string): Promise<void> {
    await this.#call('POST', '/accounts', { account: phone, validation: true })
  }

  async outage(seconds: number, mode: 'refuse' | 'hang' | '500'): Promise<void> {
    await this.#call('POST', '/outage', { seconds, mode })
  }

  #call(method: 'GET' | 'POST', path: string, body?: object): Promise<unknown> {
    return this.#patience.until<unknown>(`the ${this.name} to answer ${path}`, async () => {
      const response = await fetch(`${this.#control.control}${path}`, {
        method,
        headers: { authorization: `Bearer ${this.#control.control_token}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(10_000),
      })
      const text = await response.text()
      if (!response.ok) throw new Error(`the ${this.name} answered ${path} with ${response.status}: ${text}`)
      const answer: unknown = JSON.parse(text)
      return answer
    })
  }
}
