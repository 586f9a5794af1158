/** Settings from the environment, each named when it is missing or unreadable. */

export function requiredSetting(env: NodeJS.ProcessEnv, name: string): string {
  const value = env[name]
  if (value === undefined || value === '') throw new Error(`${name} is not set`)
  return value
}

export function portSetting(env: NodeJS.ProcessEnv, name: string): number {
  const text = requiredSetting(env, name)
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new Error(`${name} is not a port: ${text}`)
  return Number(text)
}

/** Comma-separated; what is not set is none. */
export function listSetting(env: NodeJS.ProcessEnv, name: string): string[] {
  return (env[name] ?? '')
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
}
