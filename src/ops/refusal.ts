/** Why a question was not asked of the books: the caller's mistake, or nobody there to ask. Nothing was changed. */
export type OpsRefusalCode =
  | 'bad_usage'
  | 'bad_time'
  | 'bad_position'
  | 'bad_limit'
  | 'bad_heads'
  | 'unknown_account'
  | 'unknown_currency'
  | 'currency_needed'
  | 'not_sealed_yet'
  | 'not_running'
  | 'database_away'
  | 'database_busy'
  | 'database_refused'
  /** Of operators and what they decide; most in the words of the ops service. */
  | 'login_needed'
  | 'service_away'
  | 'service_refused'
  | 'unknown_operator'
  | 'operator_refused'
  | 'internal'

/** Ends the command with exit 2; `option` is what to change on the command line, where that helps. */
export class OpsRefusal extends Error {
  readonly code: OpsRefusalCode
  readonly option: string | null

  constructor(code: OpsRefusalCode, option: string | null, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.option = option
  }

  /** One line for a terminal. */
  get line(): string {
    return `${this.code}: ${this.option === null ? '' : `${this.option}: `}${this.message}`
  }
}
