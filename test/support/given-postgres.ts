import { z } from 'zod'
import type { PostgresAddress } from './servers.ts'

/** Names a running Postgres as JSON, for who runs the suite, or parts of it, many times one after the other. */
const GIVEN = 'MOORING_TEST_POSTGRES'

const Address = z.object({ port: z.number(), superuserPassword: z.string(), rolePassword: z.string() })

/** A Postgres with Mooring's roles that goes on after this run; without one the run starts its own. */
export function givenPostgres(): PostgresAddress | undefined {
  const text = process.env[GIVEN]
  return text === undefined ? undefined : Address.parse(JSON.parse(text))
}

/** The environment of a run that is given this one. */
export function giving({ port, superuserPassword, rolePassword }: PostgresAddress): Record<string, string> {
  return { [GIVEN]: JSON.stringify({ port, superuserPassword, rolePassword }) }
}
