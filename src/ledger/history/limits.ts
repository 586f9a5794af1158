/** Every bound of history, with its unit. */
export const HISTORY_LIMITS = {
  seal_every_ms: 1_000,
  /** Between calls where somebody waits for what is there to be sealed. */
  seal_again_after_ms: 5,
  /** Transfers of one sealing call: some 50 ms of the database's time. */
  seal_transfers: 5_000,
  /** Lines of one page of a statement. */
  statement_lines: 1_000,
  /** Rows a verification holds in memory at once. */
  verify_page_transfers: 5_000,
  verify_page_seals: 64,
  /** Faults listed; the first ones say what happened. */
  listed_faults: 50,
} as const
