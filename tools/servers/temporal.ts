import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SEARCH_ATTRIBUTES } from '../../src/contract/names.ts'
import { answersOk } from '../process/probe.ts'
import { baseEnv, type Launch } from './launch.ts'

export const TEMPORAL_NAMESPACE = 'default'

/** synchronous=NORMAL with a WAL survives kill -9; after a power cut Postgres, the truth, restarts what is missing. */
const SQLITE_PRAGMAS = ['journal_mode=WAL', 'synchronous=NORMAL', 'cache_size=-16000', 'busy_timeout=10000']

/**
 * One machine, one worker fleet: no task queue is split, and nothing throttles a bench. The development server would
 * read namespace and search attributes from its database eight times for a payment, lest it miss a change; ours are
 * there before it serves, and it looks again each minute, as Temporal's own server does.
 */
export const DYNAMIC_CONFIG = {
  'matching.numTaskqueueReadPartitions': 1,
  'matching.numTaskqueueWritePartitions': 1,
  'system.enableEagerWorkflowStart': true,
  'frontend.rps': 20_000,
  'frontend.namespaceRPS': 20_000,
  'history.rps': 50_000,
  'matching.rps': 50_000,
  'history.persistenceMaxQPS': 50_000,
  'matching.persistenceMaxQPS': 50_000,
  'frontend.persistenceMaxQPS': 50_000,
  'history.hostLevelCacheMaxSize': 2_048,
  // A workflow whose tasks fail says so after the second one, and begins anew (src/durable/starter.ts).
  'system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute': 2,
  'system.forceSearchAttributesCacheRefreshOnRead': false,
}

export type TemporalPorts = { grpc: number; ui: number | undefined; http: number; metrics: number }

/** The development server on SQLite, with its web UI unless `ports.ui` is undefined. `dir` holds its database. */
export function temporalLaunch(options: {
  binary: string
  dir: string
  ports: TemporalPorts
  /** Where the UI has payloads decoded, for browsers that are logged in there. */
  codecEndpoint?: string
}): Launch {
  const { binary, dir, ports, codecEndpoint } = options
  const database = join(dir, 'temporal.db')
  const served = join(dir, 'served')
  return {
    name: 'temporal',
    command: binary,
    args: [
      'server',
      'start-dev',
      '--ip=127.0.0.1',
      `--port=${ports.grpc}`,
      `--http-port=${ports.http}`,
      `--metrics-port=${ports.metrics}`,
      ...(ports.ui === undefined ? ['--headless'] : [`--ui-port=${ports.ui}`, '--ui-disable-news-fetch']),
      ...(ports.ui === undefined || codecEndpoint === undefined ? [] : [`--ui-codec-endpoint=${codecEndpoint}`]),
      `--db-filename=${database}`,
      '--log-level=error',
      '--log-format=json',
      '--disable-config-env',
      '--disable-config-file',
      ...SQLITE_PRAGMAS.map((pragma) => `--sqlite-pragma=${pragma}`),
      ...SEARCH_ATTRIBUTES.map((name) => `--search-attribute=${name}=Keyword`),
      ...Object.entries(DYNAMIC_CONFIG).map(([key, value]) => `--dynamic-config-value=${key}=${JSON.stringify(value)}`),
    ],
    env: { ...baseEnv(), GOMEMLIMIT: '384MiB' },
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 10_000,
    readyTimeoutMs: 60_000,
    prepare: () => {
      mkdirSync(dir, { recursive: true, mode: 0o700 })
      // The schema is made with the file: one that never came to serve may have half of it.
      if (!existsSync(served)) for (const end of ['', '-wal', '-shm']) rmSync(database + end, { force: true })
      return Promise.resolve()
    },
    isReady: async () => {
      // The HTTP API answers for the namespace once frontend, history and the database behind them serve.
      const ready = await answersOk(ports.http, `/api/v1/namespaces/${TEMPORAL_NAMESPACE}`)
      if (ready && !existsSync(served)) writeFileSync(served, '')
      return ready
    },
  }
}
