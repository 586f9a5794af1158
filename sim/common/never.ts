/** Ends a switch over a closed set: a member nobody handles is a bug, named. */
export function assertNever(value: never): never {
  throw new Error(`unhandled: ${JSON.stringify(value)}`)
}
