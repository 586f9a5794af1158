/** How much of one kind of work may go on at once over all sessions of an edge. */
export class Slots {
  readonly #most: number
  #taken = 0

  constructor(most: number) {
    this.#most = most
  }

  get taken(): number {
    return this.#taken
  }

  get full(): boolean {
    return this.#taken >= this.#most
  }

  /** Takes one until the work is over, whether or not whoever began it is still there by then. */
  during(work: Promise<void>): void {
    this.#taken++
    void work.finally(() => this.#taken--)
  }
}
