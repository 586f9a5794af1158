import type { Figure } from '../ledger/figures.ts'
import type { Many, Measured } from './measure.ts'
import type { PeerName } from './peer.ts'

/** What sockets are to reach, each ratio within one run. */
export function figuresOf(measured: ReadonlyMap<PeerName, Measured>, many: Many | undefined): Figure[] {
  const figures: Figure[] = []
  const of = (name: PeerName) => measured.get(name)
  const io = of('socket-io')
  for (const transport of ['uws', 'ws'] as const) {
    const ours = of(`ours-${transport}`)
    const bare = of(transport)
    if (ours === undefined) continue
    if (bare !== undefined) {
      figures.push(
        {
          name: `memory of an idle session beyond bare ${transport}`,
          value: (ours.rssBytes - bare.rssBytes) / 1_024,
          unit: ' KB',
          atMost: 6,
        },
        { name: `CPU of a pushed event ÷ bare ${transport}`, value: ours.pushUs / bare.pushUs, unit: '', atMost: 1.5 },
      )
    }
    if (io !== undefined) {
      figures.push({
        name: `memory of a session on ${transport} ÷ a socket of Socket.IO`,
        value: ours.rssBytes / io.rssBytes,
        unit: '',
        atMost: transport === 'uws' ? 0.4 : 0.7,
      })
      if (transport === 'uws')
        figures.push({
          name: 'CPU of a pushed event ÷ Socket.IO',
          value: ours.pushUs / io.pushUs,
          unit: '',
          atMost: 0.7,
        })
    }
    figures.push(
      { name: `commit sent → frame, p50, ${transport}`, value: ours.fromSent.p50Ms, unit: ' ms', atMost: 10 },
      { name: `commit sent → frame, p99, ${transport}`, value: ours.fromSent.p99Ms, unit: ' ms', atMost: 50 },
      {
        name: `authenticated sockets a CPU second of the edge, ${transport}`,
        value: 1_000_000 / ours.acceptUs,
        unit: '',
        atLeast: 800,
      },
    )
  }
  if (many !== undefined) {
    figures.push(
      { name: 'sessions in one edge process', value: many.sockets, unit: '', atLeast: 15_000 },
      {
        name: 'p99 to existing sessions while others come',
        value: many.meanwhile.fromSent.p99Ms,
        unit: ' ms',
        atMost: 50,
      },
    )
  }
  return figures
}
