/** What a test draws from: the environment variable of this name, which plays a failure again, or another each time. */
export function seedFrom(variable: string): number {
  const seed = Number(process.env[variable] ?? Date.now() % 1_000_000_000)
  console.log(`${variable}=${String(seed)}`)
  return seed
}
