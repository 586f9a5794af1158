import { undisturbed } from '../ledger/undisturbed.ts'
import type { Load } from './rounds.ts'
import { openPhones, pay } from './rounds.ts'
import { idleRate, metered, type Sample } from './meter.ts'
import type { Place } from './place.ts'

/**
 * Wallet payments on the express lane: through the socket, each verified and posted
 * in one commit, timed from the confirm to the reply that says `succeeded`. What the
 * payers sign they signed before the clock starts.
 */

/** A user may send 50 commands a second: enough phones that nobody is held back. */
const PHONES = 64
/** Minor units each phone's wallet is filled with: below what needs a PIN, and far above what it pays. */
const FILLED = '400000'

export async function express(
  place: Place,
  load: Pick<Load, 'rounds' | 'others'> & { count: number; inFlight: number },
  tell: (round: number, sample: Sample) => void,
  under: <T>(run: () => Promise<T>) => Promise<T>,
): Promise<Sample[]> {
  const phones = await openPhones(place, PHONES)
  try {
    await Promise.all(phones.map((phone) => phone.topUp(FILLED)))
    const ready = () => Promise.all(phones.map((phone) => phone.prepareSigned(Math.ceil(load.count / phones.length))))
    const hub = place.dev.pids['hub-0'] ?? 0
    const worker = { pid: hub, idle: await idleRate(hub) }
    const samples: Sample[] = []
    for (let i = 0; i <= load.rounds; i++) {
      const sample = await undisturbed(
        load.others,
        async () => {
          await ready()
          const run = () => pay(phones, load.count, load.inFlight)
          return metered({ worker, ours: place.pids() }, () => under(run))
        },
        ({ others }) => others,
      )
      // The first warms up.
      if (i > 0) {
        samples.push(sample)
        tell(i, sample)
      }
    }
    return samples
  } finally {
    await Promise.all(phones.map((phone) => phone.close()))
  }
}
