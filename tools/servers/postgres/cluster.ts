import { appendFileSync, chownSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lastLines, run } from '../../process/run.ts'
import { baseEnv, type Launch } from '../launch.ts'
import type { PostgresHome } from './home.ts'
import { clearLeftovers } from './leftovers.ts'

const SETTINGS_FILE = 'mooring.conf'

/**
 * A commit that was acknowledged survives kill -9 and a power cut: fsync and
 * synchronous_commit stay on. Sizes are for a laptop that runs everything.
 * A call of the ledger holds a lock for each id and key it decides about.
 */
function settings(durable: boolean): string {
  const onOff = durable ? 'on' : 'off'
  return `# Written at every start; put settings of your own into postgresql.auto.conf by ALTER SYSTEM.
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 100
# A call of the ledger locks the id of each of its transfers: several hubs' largest calls at once fit.
max_locks_per_transaction = 320
shared_buffers = 96MB
work_mem = 4MB
maintenance_work_mem = 32MB
io_method = sync
max_wal_size = 512MB
checkpoint_timeout = 15min
fsync = ${onOff}
synchronous_commit = ${onOff}
full_page_writes = ${onOff}
jit = off
random_page_cost = 1.1
autovacuum_naptime = 15s
max_parallel_workers_per_gather = 0
timezone = 'UTC'
log_timezone = 'UTC'
log_checkpoints = off
# A failed statement or a key in an error's detail may hold what no log may.
log_min_error_statement = panic
log_error_verbosity = terse
`
}

/** Creates the cluster where there is none yet: scram passwords, UTF-8, checksums. A half-made one is made anew. */
export async function ensureCluster(
  home: PostgresHome,
  options: { superuserPassword: string; durable: boolean },
): Promise<void> {
  const { data, owner } = home
  // The settings file is written after a whole initdb: without it there is nothing, or only part of a cluster.
  if (!existsSync(join(data, SETTINGS_FILE))) {
    for (const entry of readdirSync(data)) rmSync(join(data, entry), { recursive: true })
    const passwordFile = `${data}.password`
    writeFileSync(passwordFile, options.superuserPassword, { mode: 0o600 })
    try {
      if (owner !== undefined) chownSync(passwordFile, owner.uid, owner.gid)
      const made = await run(
        join(home.bin, 'initdb'),
        [
          `--pgdata=${data}`,
          '--username=postgres',
          `--pwfile=${passwordFile}`,
          '--auth=scram-sha-256',
          '--encoding=UTF8',
          '--locale=C',
          '--locale-provider=builtin',
          '--builtin-locale=C.UTF-8',
          '--data-checksums',
          '--no-instructions',
          ...(options.durable ? [] : ['--no-sync']),
        ],
        { ...owner, cwd: '/', env: { ...baseEnv(), LC_ALL: 'C' } },
      )
      if (made.code !== 0) throw new Error(`Postgres: initdb failed\n${lastLines(made.output, 10)}`)
      appendFileSync(join(data, 'postgresql.conf'), `\ninclude '${SETTINGS_FILE}'\n`)
    } finally {
      rmSync(passwordFile, { force: true })
    }
  }
  writeFileSync(join(data, SETTINGS_FILE), settings(options.durable), { mode: 0o600 })
  if (owner !== undefined) chownSync(join(data, SETTINGS_FILE), owner.uid, owner.gid)
}

/** Lines 1 and 8 of postmaster.pid: the postmaster's pid and its state, as pg_ctl reads them. */
export function isPostmasterReady(text: string, pid: number): boolean {
  const lines = text.split('\n')
  return Number(lines[0]) === pid && lines[7]?.trim() === 'ready'
}

/** A call of the ledger needs some megabytes: glibc would give them back to the kernel after each, which zeroes them for the next. */
const KEEP_MEMORY = {
  MALLOC_TRIM_THRESHOLD_: '67108864',
  MALLOC_MMAP_THRESHOLD_: '33554432',
  MALLOC_TOP_PAD_: '16777216',
}

export function postgresLaunch(home: PostgresHome, port: number): Launch {
  return {
    name: 'postgres',
    command: join(home.bin, 'postgres'),
    args: ['-D', home.data, '-c', `port=${port}`],
    env: { ...baseEnv(), ...KEEP_MEMORY, LC_ALL: 'C' },
    cwd: '/',
    ...(home.owner === undefined ? {} : { owner: home.owner }),
    // Fast shutdown: sessions are ended, everything committed is written out.
    stopSignal: 'SIGINT',
    stopTimeoutMs: 15_000,
    readyTimeoutMs: 60_000,
    prepare: () => clearLeftovers(home.data),
    isReady: (pid) => {
      try {
        return Promise.resolve(isPostmasterReady(readFileSync(join(home.data, 'postmaster.pid'), 'utf8'), pid))
      } catch {
        return Promise.resolve(false)
      }
    },
  }
}
