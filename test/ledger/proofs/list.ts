/** A test that `npm test` runs in short, and how far `npm run prove:ledger` takes it. */
export type Proof = {
  name: string
  file: string
  /** Read by the test; each may be set in the environment instead. */
  env: Readonly<Record<string, string>>
}

export const PROOFS: readonly Proof[] = [
  { name: 'crashes', file: 'test/ledger/crash.pg.test.ts', env: { CRASHES: '20', CUTS: '1000' } },
  { name: 'fuzz', file: 'test/ledger/fuzz.pg.test.ts', env: { FUZZ_MS: '60000' } },
  { name: 'races', file: 'test/ledger/races.pg.test.ts', env: { RACES: '10000' } },
  { name: 'held', file: 'test/payments/held-races.pg.test.ts', env: { HELD_RACES: '10000' } },
  { name: 'model', file: 'test/ledger/model.pg.test.ts', env: { MODEL_RUNS: '10000' } },
]
