/** One JSON line a happening on stdout. Callers pass ids and codes, never bodies, keys or tokens. */
export type Log = (event: string, facts?: Readonly<Record<string, string | number | boolean>>) => void

export function simLog(simulator: string): Log {
  return (event, facts = {}) => {
    process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), simulator, event, ...facts })}\n`)
  }
}
