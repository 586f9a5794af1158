import { inject } from 'vitest'
import type { NatsRole } from '../../tools/servers/nats.ts'
import { natsUrlOf, newDatabase, type TemporalAddress, type TestDatabase } from './servers.ts'

/** The servers of this test run (started by global-setup), for a test of a project that has them. */

function needed<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`${what} is not among this project's servers; see NEEDS in global-setup.ts`)
  return value
}

/**
 * A database of this file's own, copied from the migrated template in some tens
 * of milliseconds, or with nothing in it. The caller drops it in afterAll.
 */
export async function testDatabase(options: { empty?: boolean } = {}): Promise<TestDatabase> {
  const postgres = needed(inject('servers').postgres, 'Postgres')
  if (options.empty === true) return newDatabase(postgres)
  const template = inject('template')
  if ('failed' in template) throw new Error(`the migrations do not apply: ${template.failed}`)
  return newDatabase(postgres, template.name)
}

/** NATS for a role. The server is the whole run's: streams and subjects are shared with other files. */
export function testNatsUrl(role: NatsRole): string {
  return natsUrlOf(needed(inject('servers').nats, 'NATS'), role)
}

/** Temporal. The server is the whole run's: use task queues and ids of your own. */
export function testTemporal(): TemporalAddress {
  return needed(inject('servers').temporal, 'Temporal')
}
