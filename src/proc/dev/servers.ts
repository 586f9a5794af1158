import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { acquire } from '../../../tools/servers/acquire.ts'
import type { Say } from '../../../tools/paths.ts'
import { forEachRole, type NatsRole, natsLaunch, natsUrl } from '../../../tools/servers/nats.ts'
import {
  type DatabaseRole,
  databaseUrl,
  ensureCluster,
  ensureRoles,
  findPostgres,
  postgresHome,
  postgresLaunch,
  urlFor,
} from '../../../tools/servers/postgres/index.ts'
import { natsRecipe, temporalRecipe } from '../../../tools/servers/recipes.ts'
import { TEMPORAL_NAMESPACE, temporalLaunch } from '../../../tools/servers/temporal.ts'
import type { Supervisor } from '../../../tools/supervisor/supervisor.ts'
import { readKeyFile } from '../../config/env.ts'
import { opsUrl, type DevPorts } from './ports.ts'

/** Addresses of servers that run already and are used as they are; what is undefined is started here. */
export type ExternalServers = {
  /** A Postgres user who may create roles and databases. */
  postgres: string | undefined
  /** With one user, who then stands for every role. */
  nats: string | undefined
  temporal: string | undefined
}

export type Servers = {
  database: (role: DatabaseRole) => string
  nats: (role: NatsRole) => string
  temporal: { address: string; namespace: string; ui: string | undefined }
}

export type ServerContext = {
  dataDir: string
  keysDir: string
  ports: DevPorts
  supervisor: Supervisor
  external: ExternalServers
  say: Say
}

/** Postgres with its roles and the database. */
export async function startPostgres(context: ServerContext): Promise<Servers['database']> {
  const { dataDir, keysDir, ports, supervisor, external } = context
  const password = (name: string) => readKeyFile(join(keysDir, 'postgres'), `${name}.password`)
  const passwords = {
    mooring_owner: password('mooring_owner'),
    mooring_hub: password('mooring_hub'),
    mooring_relay: password('mooring_relay'),
    mooring_ops: password('mooring_ops'),
  }
  const adminUrl =
    external.postgres ??
    databaseUrl({
      user: 'postgres',
      password: password('superuser'),
      port: ports.postgres,
      database: 'postgres',
    })
  if (external.postgres === undefined) {
    const home = await postgresHome(dataDir, await findPostgres())
    await ensureCluster(home, { superuserPassword: password('superuser'), durable: true })
    await supervisor.start('servers', postgresLaunch(home, ports.postgres))
  }
  await ensureRoles(adminUrl, passwords)
  return (role) => urlFor(adminUrl, role, passwords[role])
}

/** NATS with JetStream and one user a role. */
export async function startNats(context: ServerContext): Promise<Servers['nats']> {
  const { dataDir, keysDir, ports, supervisor, external, say } = context
  const { nats } = external
  if (nats !== undefined) {
    if (new URL(nats).username === '')
      throw new Error('NATS_URL needs a user and a password: nats://user:password@host:port')
    return () => nats
  }
  const binary = await acquire(natsRecipe, say)
  const passwords = forEachRole((role) => readKeyFile(join(keysDir, 'nats'), `${role}.password`))
  const dir = join(dataDir, 'nats')
  await supervisor.start('servers', natsLaunch({ binary, dir, port: ports.nats, passwords }))
  return (role) => natsUrl(role, passwords[role], ports.nats)
}

/** Temporal with its web UI. */
export async function startTemporal(context: ServerContext): Promise<Servers['temporal']> {
  const { dataDir, ports, supervisor, external, say } = context
  if (external.temporal !== undefined) {
    return { address: external.temporal, namespace: TEMPORAL_NAMESPACE, ui: undefined }
  }
  const binary = await acquire(temporalRecipe, say)
  const dir = join(dataDir, 'temporal')
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  await supervisor.start(
    'servers',
    temporalLaunch({
      binary,
      dir,
      codecEndpoint: `${opsUrl(ports)}/codec`,
      ports: { grpc: ports.temporal, ui: ports.temporalUi, http: ports.temporalHttp, metrics: ports.temporalMetrics },
    }),
  )
  return {
    address: `127.0.0.1:${ports.temporal}`,
    namespace: TEMPORAL_NAMESPACE,
    ui: `http://127.0.0.1:${ports.temporalUi}`,
  }
}
