import { isAbsolute, join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'

/** What `npm start` can be told, on the command line or, where that says nothing, by the environment. */
export type DevOptions = {
  /** Absolute. */
  dataDir: string
  portOffset: number
  edges: number
  hubs: number
  transport: 'ws' | 'uws' | 'auto'
  quiet: boolean
  /** Whether the caps that would stop a demo or a bench from one address are kept. */
  caps: boolean
}

/** The highest default port is 8233. */
const MAX_PORT_OFFSET = 65_535 - 8_300
const MAX_EDGES = 10
const MAX_HUBS = 8

export const USAGE = `npm start -- [options]
  --data <dir>            where everything is kept      MOORING_DATA          .data
  --port-offset <n>       added to every port           MOORING_PORT_OFFSET   0
  --edges <n>             edges, 1 to ${MAX_EDGES}              MOORING_EDGES         1
  --hubs <n>              hubs, 1 to ${MAX_HUBS}                MOORING_HUBS          1
  --transport ws|uws|auto socket transport of the edges MOORING_TRANSPORT     auto
  --quiet                 only problems are printed     MOORING_QUIET=1
  --caps                  keep the caps per address     MOORING_CAPS=on`

const count = (name: string, low: number, high: number) =>
  z.coerce
    .number({ error: `${name} is a number` })
    .int()
    .min(low, `${name} is at least ${low}`)
    .max(high, `${name} is at most ${high}`)

const Options = z.object({
  portOffset: count('--port-offset', 0, MAX_PORT_OFFSET),
  edges: count('--edges', 1, MAX_EDGES),
  hubs: count('--hubs', 1, MAX_HUBS),
  transport: z.enum(['ws', 'uws', 'auto'], { error: '--transport is ws, uws or auto' }),
})

const isOn = (value: string | undefined): boolean => value !== undefined && ['1', 'on', 'true', 'yes'].includes(value)

/** @throws with what is wrong, in words, where an option does not fit. */
export function parseOptions(args: string[], env: NodeJS.ProcessEnv, root: string): DevOptions {
  const { values } = parseArgs({
    args,
    options: {
      data: { type: 'string' },
      'port-offset': { type: 'string' },
      edges: { type: 'string' },
      hubs: { type: 'string' },
      transport: { type: 'string' },
      quiet: { type: 'boolean' },
      caps: { type: 'boolean' },
    },
  })
  const parsed = Options.safeParse({
    portOffset: values['port-offset'] ?? env['MOORING_PORT_OFFSET'] ?? 0,
    edges: values.edges ?? env['MOORING_EDGES'] ?? 1,
    hubs: values.hubs ?? env['MOORING_HUBS'] ?? 1,
    transport: values.transport ?? env['MOORING_TRANSPORT'] ?? 'auto',
  })
  if (!parsed.success) throw new Error(parsed.error.issues.map((issue) => issue.message).join('\n'))
  const data = values.data ?? env['MOORING_DATA'] ?? '.data'
  return {
    ...parsed.data,
    dataDir: isAbsolute(data) ? data : join(root, data),
    quiet: values.quiet ?? isOn(env['MOORING_QUIET']),
    caps: values.caps ?? isOn(env['MOORING_CAPS']),
  }
}
