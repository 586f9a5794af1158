/**
 * Calls to rails that this process is awaiting, beyond the step that made them:
 * a slow answer is still heard, written and passed on. Drain waits for them.
 */
export type InFlightCalls = {
  run<T>(reference: string, call: () => Promise<T>): Promise<T>
  readonly size: number
  drain(): Promise<void>
}

export function makeInFlightCalls(): InFlightCalls {
  const calls = new Map<string, Promise<unknown>>()
  return {
    run(reference, call) {
      const running = call().finally(() => {
        if (calls.get(reference) === running) calls.delete(reference)
      })
      calls.set(reference, running)
      return running
    },
    get size() {
      return calls.size
    },
    async drain() {
      await Promise.allSettled(calls.values())
    },
  }
}
