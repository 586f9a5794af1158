import { join } from 'node:path'
import { readKeyFile } from '../../src/config/env.ts'
import { adminUrl, startPostgres, startTemporalOn } from '../../test/support/servers.ts'
import { startStack } from '../../test/support/stack.ts'
import { type DevJson, readDevJson } from '../../tools/dev-json.ts'
import { urlFor } from '../../tools/servers/postgres/index.ts'

/** Where a bench runs: a whole Mooring with the Temporal that was asked for. */
export type Place = {
  dev: DevJson
  dataDir: string
  /** Postgres' superuser, for databases beside Mooring's own. */
  adminUrl: string
  /** All its processes by name, its servers among them. */
  pids(): Record<string, number>
  /** The root of all processes of this Mooring, where the bench started it. */
  pid: number | undefined
  stop(): Promise<void>
}

export const TEMPORALS = ['dev', 'postgres'] as const
export type TemporalKind = (typeof TEMPORALS)[number]

/** A start of the bench's own, on a Postgres that is as durable as the one of `npm start`. */
export async function startPlace(temporal: TemporalKind, env: Record<string, string>): Promise<Place> {
  if (temporal === 'dev') return onStack({}, env, {}, () => Promise.resolve())
  const database = await startPostgres({ durable: true })
  try {
    const server = await startTemporalOn(database)
    const stop = async () => {
      await server.stop()
      await database.stop()
    }
    try {
      const servers = { DATABASE_URL: adminUrl(database), TEMPORAL_ADDRESS: server.address }
      return await onStack(servers, env, { postgres: database.pid, temporal: server.pid }, stop)
    } catch (error) {
      await server.stop()
      throw error
    }
  } catch (error) {
    await database.stop()
    throw error
  }
}

async function onStack(
  servers: { DATABASE_URL?: string; TEMPORAL_ADDRESS?: string },
  env: Record<string, string>,
  serverPids: Record<string, number>,
  stopServers: () => Promise<void>,
): Promise<Place> {
  // As `npm start` is: where a test may arm a failpoint, every step looks for a file or two.
  const stack = await startStack({ env: { ...servers, ...env, MOORING_FAILPOINTS: undefined } })
  const dev = stack.dev()
  return {
    dev,
    dataDir: stack.dataDir,
    adminUrl: servers.DATABASE_URL ?? superuserOf(stack.dataDir, dev),
    pids: () => ({ ...serverPids, ...stack.dev().pids }),
    pid: stack.pid,
    stop: async () => {
      await stack.stop()
      await stopServers()
    },
  }
}

/** A Mooring that runs already, with whatever it was started with. */
export function runningPlace(dataDir: string): Place {
  const dev = readDevJson(dataDir)
  if (dev === undefined) throw new Error(`there is no running Mooring in ${dataDir}`)
  const superuser = process.env['DATABASE_URL'] ?? superuserOf(dataDir, dev)
  return { dev, dataDir, adminUrl: superuser, pids: () => dev.pids, pid: undefined, stop: () => Promise.resolve() }
}

function superuserOf(dataDir: string, dev: DevJson): string {
  return urlFor(
    dev.database,
    'postgres',
    readKeyFile(join(dataDir, 'keys', 'postgres'), 'superuser.password'),
    'postgres',
  )
}
