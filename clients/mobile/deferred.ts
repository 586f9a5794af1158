/** A promise and what settles it: `Promise.withResolvers`, which Hermes and browsers of before 2024 do not have. */
export type Deferred<T> = { promise: Promise<T>; resolve: (value: T) => void; reject: (error: Error) => void }

export function deferred<T>(): Deferred<T> {
  let settle!: Omit<Deferred<T>, 'promise'>
  const promise = new Promise<T>((resolve, reject) => void (settle = { resolve, reject }))
  return { promise, ...settle }
}
