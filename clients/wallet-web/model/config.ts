/** What the server of this page says about where it runs. */
export type Config = {
  env: 'test' | 'live'
  /** Base of the REST interface. */
  bridge: string
  /** Sockets. */
  edges: string[]
  /** Of the wallet. */
  currency: string
  /** Whether the demo's desk is there. */
  demo: boolean
}

export async function readConfig(): Promise<Config> {
  const response = await fetch('config.json')
  const value: unknown = await response.json()
  if (!response.ok || !isConfig(value)) throw new Error('the settings of this page cannot be read')
  return value
}

function isConfig(value: unknown): value is Config {
  if (typeof value !== 'object' || value === null) return false
  return 'bridge' in value && 'edges' in value && Array.isArray(value.edges) && 'currency' in value && 'demo' in value
}
