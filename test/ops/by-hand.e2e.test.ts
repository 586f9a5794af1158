import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { Patience } from '../../tools/demo/patience.ts'
import { acquire } from '../../tools/servers/acquire.ts'
import { temporalRecipe } from '../../tools/servers/recipes.ts'
import { followToEnd, type Ended } from '../e2e/support/orders.ts'
import { disagreements } from '../e2e/support/proof.ts'
import { openWorld, type World } from '../e2e/support/world.ts'
import { run } from '../faults/by-hand.ts'
import { startStack, type Stack } from '../support/stack.ts'
import { stuckTopUp } from './support/stuck.ts'

/**
 * What people do with Temporal's command line: it moves no money that nobody approved. What becomes of workflows that
 * are terminated, cancelled, reset or lost takes minutes: npm run faults:ops.
 */

const PATIENCE_S = 60
const FUND_MINOR = 300_000n
describe('by hand', () => {
  let stack: Stack
  let world: World
  let temporal: string
  const ended: Ended[] = []

  beforeAll(async () => {
    stack = await startStack()
    temporal = await acquire(temporalRecipe, () => {})
    world = await openWorld(stack.dev(), new Patience(PATIENCE_S), { phones: 3, fundMinor: FUND_MINOR })
  })
  afterAll(async () => {
    await world?.close()
    await stack?.stop()
  })

  const update = (id: string, name: string, input: string, more: readonly string[] = []) => {
    const { address, namespace } = stack.dev().temporal
    const where = ['--address', address, '--namespace', namespace, '--workflow-id', id]
    return run(temporal, ['workflow', 'update', 'execute', ...where, '--name', name, '--input', input, ...more])
  }

  async function ops(path: string, body: object | null, token?: string): Promise<unknown> {
    const response = await fetch(new URL(path, stack.dev().ops.url), {
      ...(body === null ? {} : { method: 'POST', body: JSON.stringify(body) }),
      headers: {
        ...(body === null ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
    })
    if (!response.ok) throw new Error(`${path} was answered ${response.status}: ${await response.text()}`)
    return response.json()
  }

  it('an update moves money only with an approval, through the codec', async () => {
    const { order, id } = await stuckTopUp(world, world.phones[0], 77_001n)
    await world.patience.until('its outcome to be unknown', async () => {
      const [row] = await world.sql<{ state: string }[]>`select state from attempts where payment = ${id}`
      return row?.state === 'unknown' ? true : undefined
    })
    const [operator] = stack.dev().ops.operators
    const { token } = z
      .object({ token: z.string() })
      .parse(await ops('/v1/login', { name: operator?.name, password: operator?.password }))
    const codec = ['--codec-endpoint', `${stack.dev().ops.url}/codec`, '--codec-auth', `Bearer ${token}`]
    const selfMade = '{"approval":"apr_0000000000000000000000"}'

    const refused = async (words: string, input: string, more: readonly string[]) => {
      const said = await update(id, 'resolve', input, more)
      expect(said.text).toContain(words)
      expect(said.exit).toBe(1)
    }
    await refused('is not encrypted', selfMade, [])
    await refused('takes {"approval":"apr_…"}', '{}', codec)
    await refused('takes {"approval":"apr_…"}', '{"outcome":"settled"}', codec)
    await refused('there is no such approval', selfMade, codec)
    const seen = z.object({ evidence_hash: z.string() }).parse(await ops(`/v1/payments/${id}`, null, token))
    const asked = { action: 'inquire_now', reason: 'to be used for something else', ...seen }
    const Made = z.object({ approval: z.string() })
    const other = Made.parse(await ops(`/v1/payments/${id}/approvals`, asked, token))
    await refused('for another action', JSON.stringify({ approval: other.approval }), codec)
    const [still] = await world.sql<{ state: string }[]>`select state from attempts where payment = ${id}`
    expect(still?.state).toBe('unknown')

    const decided = { action: 'resolve_settled', reason: 'the bank named line 19 of its statement', ...seen }
    const made = Made.parse(await ops(`/v1/payments/${id}/approvals`, decided, token))
    const said = await update(id, 'resolve', JSON.stringify({ approval: made.approval }), codec)
    expect(said.text).toContain('Recorded: settled.')
    ended.push({ order, view: await followToEnd(world.patience, order, id) })
    expect(await disagreements(world, ended)).toEqual([])
  })
})
