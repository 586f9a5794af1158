import { Connection } from '@temporalio/client'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectBus } from '../../src/bus/index.ts'
import { testDatabase, testNatsUrl, testTemporal } from '../support/run-servers.ts'
import type { TestDatabase } from '../support/servers.ts'

describe('the servers of a test run', () => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await testDatabase({ empty: true })
  })

  afterAll(() => database.drop())

  it('give each file a database of its own, with a role a process', async () => {
    const owner = postgres(database.url('mooring_owner'), { max: 1 })
    const hub = postgres(database.url('mooring_hub'), { max: 1 })
    try {
      await owner`create table only_here (id int)`
      await expect(hub`select * from only_here`).rejects.toThrow('permission denied')
      const [settings] = await hub`
        select current_setting('lock_timeout') as lock, current_setting('statement_timeout') as statement,
               current_setting('server_version_num')::int / 10000 as major, current_setting('data_checksums') as sums`
      expect(settings).toEqual({ lock: '2s', statement: '5s', major: 18, sums: 'on' })
    } finally {
      await Promise.all([owner.end(), hub.end()])
    }
  })

  it('let each NATS role say only its own subjects', async () => {
    const hub = await connectBus({ url: testNatsUrl('hub'), name: 'hub-fixture' })
    const edge = await connectBus({ url: testNatsUrl('edge'), name: 'edge-fixture' })
    try {
      hub.subscribe('cmd.wallet.>', { queue: 'hub', callback: (_error, message) => void message.respond('heard') })
      await hub.flush()
      expect((await edge.request('cmd.wallet.balances', '', { timeout: 2_000 })).string()).toBe('heard')
      await expect(edge.request('cmd.identity.token', '', { timeout: 2_000 })).rejects.toThrow('Permissions Violation')
    } finally {
      await Promise.all([hub.close(), edge.close()])
    }
  })

  it('include a Temporal with the attributes payments are searched by', async () => {
    const { address, namespace } = testTemporal()
    const connection = await Connection.connect({ address })
    try {
      const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace })
      expect(Object.keys(customAttributes)).toEqual(
        expect.arrayContaining(['MooringKind', 'MooringStage', 'MooringRail', 'MooringMerchant', 'MooringUser']),
      )
    } finally {
      await connection.close()
    }
  })
})
