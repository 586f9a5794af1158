/** The fields of a JSON object that the SDK relies on, and their kinds; others may come and go. */
export type Shape = Readonly<Record<string, 'string' | 'number' | 'boolean' | 'object' | 'array'>>

/** Whether a value from the wire has these fields. The server's schemas vouch for the rest of it. */
export function hasShape(value: unknown, shape: Shape): value is Record<string, unknown> {
  if (!isRecord(value)) return false
  return Object.entries(shape).every(([name, kind]) => kindOf(value[name]) === kind)
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return kindOf(value) === 'object'
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}
