import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDatabase, sealWhatIsThere } from '../../src/ledger/index.ts'
import { behindTriggers } from '../ledger/support/history.ts'
import { runOps } from '../ops/support/ops-process.ts'
import { ALL_WELL, demo } from '../support/demo.ts'
import { startStack, type Stack } from '../support/stack.ts'

describe('npm run demo', () => {
  let stack: Stack

  beforeAll(async () => {
    stack = await startStack()
  })

  afterAll(() => stack.stop())

  it('pays in every way and exits 0, within 96 columns and without colour where nobody looks', async () => {
    const { code, output } = await demo(stack.dataDir)
    expect(output).toContain(ALL_WELL)
    expect(code).toBe(0)
    expect(output).not.toContain('\u001b')
    expect(output.split('\n').filter((line) => line.length > 96)).toEqual([])
  })

  it('leaves books that ledger audit finds whole, and broken once one row is not what it was', async () => {
    const audit = () => runOps(['ledger', 'audit', '--data', stack.dataDir], {})
    const whole = await audit()
    expect(whole).toMatchObject({ exit: 0, err: '' })
    expect(whole.out).toMatch(/\ntrial balance in KES\n[^]*\n {2}balanced: debits ([\d.]+) = credits \1\n/)
    expect(whole.out).toMatch(/\n {2}chain +holds /)
    expect(whole.out).not.toContain('BROKEN')

    const owner = openDatabase({ url: stack.dev().database, name: 'test-owner', connections: 1 })
    try {
      const [row] = await owner<{ id: string; position: bigint }[]>`
        select id, position from transfers where kind = 'confirm' order by position limit 1`
      const add = (amount: number) =>
        behindTriggers(
          owner,
          'transfers',
          (tx) => tx`
          update transfers set amount = amount + ${amount} where id = ${row?.id ?? ''}`,
        )
      // The hub seals it by itself, soon.
      await sealWhatIsThere(owner, { withinMs: 10_000 })
      await add(1)
      const broken = await audit()
      expect(broken).toMatchObject({ exit: 1, err: '' })
      const named = `transfer ${String(row?.id)} at position ${String(row?.position)} is not what seal`
      expect(broken.out).toMatch(new RegExp(`\\n {2}chain +BROKEN .*\\n +${named}`))
      await add(-1)
      expect(await audit()).toMatchObject({ exit: 0 })
    } finally {
      await owner.end({ timeout: 1 })
    }
  })

  it('exits 1 with a sentence when a payment does not end as it should', async () => {
    const { bank } = stack.dev().sim
    const rule = {
      match: { operation: 'collect', amount: '8790' },
      fault: { kind: 'decline', reason: 'AC04' },
      times: 1,
    }
    const answer = await fetch(`${bank.control}/rules`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bank.control_token}`, 'content-type': 'application/json' },
      body: JSON.stringify(rule),
    })
    expect(answer.status).toBe(201)
    const { code, output } = await demo(stack.dataDir)
    expect(output).toMatch(/surprise\. pay_\w{22} should have ended succeeded and ended failed · source_not_usable\./)
    expect(code).toBe(1)
  })

  it('exits 1 and says what to do where nothing runs', async () => {
    const { code, output } = await demo(join(stack.dataDir, 'nothing-here'))
    expect(output).toContain('npm start')
    expect(code).toBe(1)
  })
})
