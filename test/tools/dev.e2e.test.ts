import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Connection } from '@temporalio/client'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { ROOT } from '../../tools/paths.ts'
import { identify, isRunning } from '../../tools/process/identity.mjs'
import { run } from '../../tools/process/run.ts'
import { startStack, type Stack } from '../support/stack.ts'

describe('npm start', () => {
  let stack: Stack

  beforeAll(async () => {
    stack = await startStack()
  })

  afterAll(() => stack.stop())

  const query = async <T>(ask: (sql: postgres.Sql) => Promise<T>): Promise<T> => {
    const sql = postgres(stack.dev().database, { max: 1, onnotice: () => {} })
    try {
      return await ask(sql)
    } finally {
      await sql.end()
    }
  }
  const identities = () =>
    Object.values(stack.dev().pids).map((pid) => {
      const identity = identify(pid)
      if (identity === undefined) throw new Error(`pid ${pid} of dev.json does not run`)
      return identity
    })

  it('says where everything is, to its owner alone', () => {
    const path = join(stack.dataDir, 'dev.json')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(Object.keys(stack.dev().pids).toSorted()).toEqual([
      'bridge-0',
      'edge-0',
      'hub-0',
      'nats',
      'ops-0',
      'pages-0',
      'postgres',
      'relay-0',
      'sim-bank',
      'sim-camara',
      'sim-gsma',
      'temporal',
    ])
    expect(identities()).toHaveLength(12)
    expect(stack.dev().merchants).toHaveLength(2)
    expect(stack.dev().merchants[0]?.secret_key).toMatch(/^sk_test_/)
  })

  it('refuses a second start on the same data, naming the first', async () => {
    const args = [join(ROOT, 'src/proc/dev.ts'), '--data', stack.dataDir, '--port-offset', '40000']
    const { code, output } = await run(process.execPath, args, { timeoutMs: 30_000 })
    expect(code).toBe(1)
    expect(output).toContain(`running on ${stack.dataDir} already (pid ${stack.pid})`)
  })

  it.each([
    'postgres',
    'nats',
    'temporal',
    'sim-bank',
    'sim-gsma',
    'relay-0',
    'hub-0',
    'edge-0',
    'bridge-0',
    'ops-0',
    'pages-0',
  ])('starts %s again when it is killed', async (name) => {
    const before = stack.dev().pids[name]
    const after = await stack.killAndWait(name)
    expect(after).not.toBe(before)
    expect(identify(after)).toBeDefined()
  })

  it('keeps what was committed when Postgres is killed', async () => {
    await query(async (sql) => {
      await sql`create table if not exists kept (id int)`
      await sql`insert into kept values (1)`
    })
    await stack.killAndWait('postgres')
    expect(await query((sql) => sql`select id from kept`)).toEqual([{ id: 1 }])
  })

  it('leaves nothing behind when it is killed itself, and goes on with the same data', async () => {
    const merchants = stack.dev().merchants
    const before = identities()
    expect(await stack.end('SIGKILL')).not.toBe(0)
    await vi.waitFor(() => expect(before.filter(isRunning)).toEqual([]), { timeout: 20_000 })
    await stack.start()
    expect(stack.dev().merchants).toEqual(merchants)
    expect(await query((sql) => sql`select id from kept`)).toEqual([{ id: 1 }])
    const temporal = await Connection.connect({ address: stack.dev().temporal.address })
    await temporal.close()
  })

  it('drains and ends with code 0 on SIGTERM, with no process and no dev.json left', async () => {
    const before = identities()
    expect(await stack.end('SIGTERM')).toBe(0)
    expect(before.filter(isRunning)).toEqual([])
    expect(existsSync(join(stack.dataDir, 'dev.json'))).toBe(false)
    expect(existsSync(join(stack.dataDir, 'lock'))).toBe(false)
  })
})
