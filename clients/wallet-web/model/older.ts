import type { PaymentView } from '../../../src/contract/index.ts'
import type { CommandAnswer, CommandBody } from '../../mobile/index.ts'

const AT_ONCE = 50
/** Pages that one asking goes down at most: more than hold what the SDK keeps of payments. */
const PAGES_MAX = 50

type List = (body: CommandBody<'payment.list'>) => Promise<CommandAnswer<'payment.list'>>

/**
 * The payments that the server has and the feed did not bring. They are read from the newest down, whatever is known
 * already: between what a device kept before a long absence and what a snapshot brought after it there are others.
 */
export class Older {
  readonly #list: List
  readonly #payments = new Map<string, PaymentView>()
  #place: { after: string | null; more: boolean } = { after: null, more: true }

  constructor(list: List) {
    this.#list = list
  }

  get payments(): ReadonlyMap<string, PaymentView> {
    return this.#payments
  }

  /** Whether there may be some that were not read yet. */
  get more(): boolean {
    return this.#place.more
  }

  /** A snapshot came: there may be others above those that were read. */
  restart(): void {
    this.#place = { after: null, more: true }
  }

  /** Reads on until `isEnough`, or to the end. */
  async read(isEnough: () => boolean): Promise<void> {
    for (let pages = 0; pages < PAGES_MAX && this.more && !isEnough(); pages++) await this.#page()
  }

  async #page(): Promise<void> {
    const place = this.#place
    const from = place.after === null ? {} : { starting_after: place.after }
    const { data, has_more } = await this.#list({ limit: AT_ONCE, ...from })
    for (const payment of data) this.#payments.set(payment.id, payment)
    if (place === this.#place) this.#place = { after: data.at(-1)?.id ?? place.after, more: has_more }
  }
}
