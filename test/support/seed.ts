/** What a test draws from: the environment variable of this name, which plays a failure again, or another each time. */
export function seedFrom(variable: string): number {
  const seed = Number(process.env[variable] ?? Date.now() % 1_000_000_000)
  console.log(`${variable}=${String(seed)}`)
  return seed
}

/** Deterministic chance (mulberry32): small, even enough, and the same everywhere. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
