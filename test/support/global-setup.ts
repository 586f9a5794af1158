import { migrate, openDatabase } from '../../src/ledger/index.ts'
import { acquire } from '../../tools/servers/acquire.ts'
import type { Recipe } from '../../tools/servers/recipe.ts'
import { natsRecipe, temporalRecipe } from '../../tools/servers/recipes.ts'
import { givenPostgres } from './given-postgres.ts'
import {
  newDatabase,
  say,
  type ServerAddresses,
  startNats,
  startPostgres,
  startTemporal,
  type TestDatabase,
} from './servers.ts'

declare module 'vitest' {
  interface ProvidedContext {
    servers: ServerAddresses
    template: Template
  }
}

/** The migrated database that test databases are copies of; a broken migration fails the tests that use it, by name. */
type Template = { name: string } | { failed: string }

type ServerName = keyof ServerAddresses

/**
 * What the tests of a project may count on, by its suffix; e2e and browser tests start whole stacks of their own, from
 * executables that are there by then: getting those may take longer than a stack may take to be ready.
 */
const NEEDS: Record<string, ServerName[]> = {
  pg: ['postgres'],
  nats: ['postgres', 'nats'],
  temporal: ['postgres', 'nats', 'temporal'],
}

const STACKS_NEED = [natsRecipe, temporalRecipe]

type Shared = {
  users: number
  addresses: ServerAddresses
  template: Template
  running: Map<ServerName, { stop(): Promise<void> }>
}

/** Each project loads this module anew; the servers are those of the whole run. */
const SHARED = Symbol.for('mooring.test.servers')
const holder = globalThis as { [SHARED]?: Shared }

const shared = (): Shared =>
  (holder[SHARED] ??= { users: 0, addresses: {}, template: { failed: 'there is no Postgres' }, running: new Map() })

async function startOne(name: ServerName, into: Shared): Promise<void> {
  if (into.running.has(name)) return
  switch (name) {
    case 'postgres': {
      const given = givenPostgres()
      if (given === undefined) {
        const server = await startPostgres()
        into.running.set(name, server)
        const { port, superuserPassword, rolePassword } = server
        into.addresses.postgres = { port, superuserPassword, rolePassword }
        into.template = await migrated(await newDatabase(into.addresses.postgres))
        return
      }
      const database = await newDatabase(given)
      // The server goes on without us: ours is what we made in it.
      into.running.set(name, { stop: () => database.drop() })
      into.addresses.postgres = given
      into.template = await migrated(database)
      return
    }
    case 'nats': {
      const server = await startNats()
      into.running.set(name, server)
      into.addresses.nats = { port: server.port, password: server.password }
      return
    }
    case 'temporal': {
      const server = await startTemporal()
      into.running.set(name, server)
      into.addresses.temporal = { address: server.address, namespace: server.namespace }
    }
  }
}

const ready = (recipe: Recipe) => acquire(recipe, say)

async function migrated(database: TestDatabase): Promise<Template> {
  const sql = openDatabase({ url: database.url('mooring_owner'), name: 'template', connections: 1 })
  try {
    await migrate(sql)
    return { name: database.name }
  } catch (error) {
    return { failed: String(error) }
  } finally {
    await sql.end()
  }
}

async function stopAll(of: Shared): Promise<void> {
  await Promise.all([...of.running.values()].map((server) => server.stop()))
  of.running.clear()
}

type Project = {
  name: string
  provide(key: 'servers', value: ServerAddresses): void
  provide(key: 'template', value: Template): void
}

/** Starts what this project needs and is not started yet; the last project to end stops all of it. */
export default async function setup(project: Project): Promise<() => Promise<void>> {
  const run = shared()
  run.users += 1
  try {
    await Promise.all(NEEDS[project.name]?.map((name) => startOne(name, run)) ?? STACKS_NEED.map(ready))
  } catch (error) {
    await stopAll(run)
    throw error
  }
  project.provide('servers', run.addresses)
  project.provide('template', run.template)
  return async () => {
    run.users -= 1
    if (run.users === 0) await stopAll(run)
  }
}
