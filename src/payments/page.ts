/**
 * How much one answer may hold, in bytes of JSON: NATS takes messages of 1 MiB, and the rest of it is for what stands
 * around a page.
 */
export const PAGE_BYTES_MAX = 960 * 1024

/** Those of a list, from its first on, that fit into so many bytes of JSON; one goes always, however long. */
export function fitting<T>(items: readonly T[], bytesMax = PAGE_BYTES_MAX): T[] {
  let room = bytesMax
  const end = items.findIndex((item, i) => {
    room -= Buffer.byteLength(JSON.stringify(item)) + 1
    return room < 0 && i > 0
  })
  return items.slice(0, end === -1 ? items.length : end)
}
