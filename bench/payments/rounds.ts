import { undisturbed } from '../ledger/undisturbed.ts'
import { measure, type Measured } from './measure.ts'
import { idleRate, metered, type Sample } from './meter.ts'
import { startBare, startNaive } from './peers.ts'
import { type BenchPhone, benchPhone, type Paid } from './phones.ts'
import type { Place } from './place.ts'

/** Payments on all rails, against the bare workflow and the naive peer, in turn. */

export const PHONES = 32

export type Load = {
  rounds: number
  /** Pieces of a run under load, and so many at a time. */
  count: number
  inFlight: number
  /** Pieces of a run one at a time, for latency. */
  idle: number
  /** Measure again where others had more of the machine than that, from 0 to 1. */
  others: number
}

const CASES = ['bare', 'naive', 'ours', 'bareIdle', 'oursIdle'] as const
export type Case = (typeof CASES)[number]
export type Round = Record<Case, Sample>

export type Mixed = {
  rounds: Round[]
  /** The rails the payments went through. */
  rails: string[]
  /** One payment of each, for its history. */
  paid: Paid[]
}

export const openPhones = (place: Place, count: number): Promise<BenchPhone[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => benchPhone(place.dev, i)))

/** @param under what to do around each run of ours under load: a profile */
export async function mixed(
  place: Place,
  load: Load,
  tell: (round: number, result: Round) => void,
  under: <T>(run: () => Promise<T>) => Promise<T>,
): Promise<Mixed> {
  const stops: (() => unknown)[] = []
  try {
    const bare = await startBare(place)
    stops.push(() => bare.stop())
    const naive = await startNaive(place)
    stops.push(() => naive.stop())
    const phones = await openPhones(place, PHONES)
    stops.push(() => Promise.all(phones.map((phone) => phone.close())))

    const paid = new Map<string, Paid>()
    const { inFlight } = load
    await bare.run({ count: 200, inFlight })
    await naive.run({ count: 64, inFlight })
    await prepareAll(phones, 160)
    await pay(phones, 160, inFlight, (one) => paid.set(one.rail, one))

    const processes = { ...place.pids(), bare: bare.pid, naive: naive.pid }
    const worker = async (pid: number) => ({ pid, idle: await idleRate(pid) })
    const workers = {
      hub: await worker(place.dev.pids['hub-0'] ?? 0),
      bare: await worker(bare.pid),
      naive: await worker(naive.pid),
    }
    /** Again where it was disturbed; what must be ready before it is made ready anew for each try. */
    const sampled = (who: keyof typeof workers, run: () => Promise<Measured>, ready?: () => Promise<void>) =>
      undisturbed(
        load.others,
        async () => {
          await ready?.()
          return metered({ worker: workers[who], ours: processes }, run)
        },
        (sample) => sample.others,
      )
    const ours = (some: readonly BenchPhone[], count: number, atOnce: number) =>
      sampled(
        'hub',
        () => under(() => pay(some, count, atOnce)),
        () => prepareAll(some, count),
      )
    const rounds: Round[] = []
    for (let i = 1; i <= load.rounds; i++) {
      const round: Round = {
        bare: await sampled('bare', () => bare.run({ count: load.count, inFlight })),
        naive: await sampled('naive', () => naive.run({ count: Math.ceil(load.count / 2), inFlight })),
        ours: await ours(phones, load.count, inFlight),
        bareIdle: await sampled('bare', () => bare.run({ count: load.idle, inFlight: 1 })),
        oursIdle: await ours(phones.slice(0, 1), load.idle, 1),
      }
      rounds.push(round)
      tell(i, round)
    }
    return { rounds, rails: phones[0]?.sources.map(({ rail }) => rail) ?? [], paid: [...paid.values()] }
  } finally {
    for (const stop of stops.toReversed()) await stop()
  }
}

/** So many payments in all, the same number on each phone. */
async function prepareAll(phones: readonly BenchPhone[], count: number): Promise<void> {
  await Promise.all(phones.map((phone) => phone.prepare(Math.ceil(count / phones.length))))
}

/** Pays what is ready on each phone. */
export function pay(
  phones: readonly BenchPhone[],
  count: number,
  inFlight: number,
  done: (paid: Paid) => void = () => {},
): Promise<Measured> {
  const each = Math.ceil(count / phones.length)
  const left = phones.map(() => each)
  return measure(each * phones.length, inFlight, async (worker) => {
    // A worker keeps to its phone and helps out at others once that one is done.
    const order = phones.map((_, i) => (worker + i) % phones.length)
    const free = order.find((i) => (left[i] ?? 0) > 0) ?? 0
    left[free] = (left[free] ?? 0) - 1
    const phone = phones[free]
    if (phone !== undefined) done(await phone.payOne())
  })
}
