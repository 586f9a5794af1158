import { z } from 'zod'
import type { DevJson } from '../../../tools/dev-json.ts'
import type { Patience } from '../../../tools/demo/patience.ts'

const Line = z.object({
  reference: z.string(),
  operation: z.enum(['collect', 'payOut', 'refund']),
  amount: z.string(),
  currency: z.string(),
  account: z.string(),
  effect: z.enum(['moved', 'returned']),
})
export type BankLine = z.infer<typeof Line>
const Book = z.object({ data: z.array(Line) })
const Account = z.object({ balance: z.string() })

/** What the bank itself says, and how it is told to misbehave (its control API). */
export class BankWitness {
  readonly #bank: DevJson['sim']['bank']
  readonly #patience: Patience

  constructor(bank: DevJson['sim']['bank'], patience: Patience) {
    this.#bank = bank
    this.#patience = patience
  }

  async book(): Promise<BankLine[]> {
    return Book.parse(await this.#call('GET', '/book')).data
  }

  async balanceMinor(account: string): Promise<bigint> {
    return BigInt(Account.parse(await this.#call('GET', `/accounts/${account}`)).balance)
  }

  /** Every payment over this amount is answered so much later. */
  async delay(amountMinor: bigint, ms: number): Promise<void> {
    await this.#call('POST', '/rules', { match: { amount: amountMinor.toString() }, fault: { kind: 'delay', ms } })
  }

  /** Shares of arrivals by kind of fault; none ends them. */
  async random(seed: number, faults: Record<string, number>): Promise<void> {
    await this.#call('POST', '/random', { seed, faults })
  }

  #call(method: 'GET' | 'POST', path: string, body?: object): Promise<unknown> {
    return this.#patience.until<unknown>(`the bank to answer ${path}`, async () => {
      const response = await fetch(`${this.#bank.control}${path}`, {
        method,
        headers: { authorization: `Bearer ${this.#bank.control_token}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(10_000),
      })
      const text = await response.text()
      if (!response.ok) throw new Error(`the bank answered ${path} with ${response.status}: ${text}`)
      const answer: unknown = JSON.parse(text)
      return answer
    })
  }
}
