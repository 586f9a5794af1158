/**
 * `npm run bench -- <name>`: measurements, as ratios against a bare baseline of
 * the same run. They are not tests: a shared machine's speed is nobody's defect.
 */
const BENCHES: Readonly<Record<string, () => Promise<{ run(args: string[]): Promise<void> }>>> = {
  ledger: () => import('./ledger/run.ts'),
  payments: () => import('./payments/run.ts'),
  replay: () => import('./replay/run.ts'),
  sockets: () => import('./sockets/run.ts'),
}

const [name = '', ...args] = process.argv.slice(2)
const load = BENCHES[name]
if (load === undefined) {
  console.error(`usage: npm run bench -- <${Object.keys(BENCHES).join(' | ')}> [--help]`)
  process.exit(2)
}
await (await load()).run(args)
