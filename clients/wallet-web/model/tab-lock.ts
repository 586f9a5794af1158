const NAME = 'mooring-wallet'

/**
 * One tab at a time: two would be one device with two sockets, which the server ends in turn, and two books of the
 * same orders. Calls `lost` when another tab has taken over.
 */
export async function takeTab(options: { force: boolean; lost: () => void }): Promise<boolean> {
  const taken = Promise.withResolvers<boolean>()
  const hold = (lock: Lock | null) => {
    taken.resolve(lock !== null)
    return lock === null ? undefined : new Promise<void>(() => {}) // until this tab goes, or another takes it
  }
  const asked = options.force ? { steal: true } : { ifAvailable: true }
  navigator.locks.request(NAME, asked, hold).catch(() => options.lost())
  return taken.promise
}
