import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

/**
 * What a script needs to know of a running `npm start`: `<data>/dev.json`, mode
 * 0600, replaced by rename, removed at stop. Parts not built yet are absent.
 */
export const DevJson = z.object({
  env: z.literal('test'),
  currency: z.string(),
  /** Socket addresses, one an edge. */
  edge: z.array(z.string()),
  bridge: z.string(),
  pages: z.object({ wallet: z.string(), ops: z.string() }),
  /** The demo operators; two, so that what needs two people can be tried. */
  ops: z.object({ url: z.string(), operators: z.array(z.object({ name: z.string(), password: z.string() })) }),
  temporal: z.object({ address: z.string(), namespace: z.string(), ui: z.string().optional() }),
  /** As the database's owner, who is no superuser. */
  database: z.string(),
  /** As the user `ops`. */
  nats: z.string(),
  /** Minor units. */
  pin_above: z.string(),
  code_consent_above: z.string(),
  limits: z.object({ payment: z.string(), day: z.string(), month: z.string() }),
  merchants: z.array(z.object({ id: z.string(), name: z.string(), secret_key: z.string(), store: z.string() })),
  sim: z.object({
    bank: z.object({ url: z.string(), control: z.string(), control_token: z.string(), bank: z.string() }),
    camara: z.object({ url: z.string(), control: z.string(), control_token: z.string(), operator: z.string() }),
    gsma: z.object({ url: z.string(), control: z.string(), control_token: z.string(), operator: z.string() }),
  }),
  /** Process ids by name; an entry changes once the restarted process is ready. */
  pids: z.record(z.string(), z.number().int()),
})
export type DevJson = z.infer<typeof DevJson>

export const devJsonPath = (dataDir: string): string => join(dataDir, 'dev.json')

export function writeDevJson(dataDir: string, value: DevJson): void {
  const path = devJsonPath(dataDir)
  writeFileSync(`${path}.new`, `${JSON.stringify(value, undefined, 1)}\n`, { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

/** The running start's answer; undefined where none runs on this data directory. */
export function readDevJson(dataDir: string): DevJson | undefined {
  let text: string
  try {
    text = readFileSync(devJsonPath(dataDir), 'utf8')
  } catch {
    return undefined
  }
  return DevJson.parse(JSON.parse(text))
}

export function removeDevJson(dataDir: string): void {
  rmSync(devJsonPath(dataDir), { force: true })
}
