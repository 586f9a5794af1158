import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from '@temporalio/worker'
import { beforeAll, expect, test } from 'vitest'
import { PAYMENT_STATUSES, REFUND_STATUSES, SOURCE_STATUSES } from '../../src/contract/names.ts'
import { isTerminal } from '../../src/domain/payment.ts'
import { workflowBundle } from '../../src/durable/index.ts'
import { STAGES } from '../../src/payments/next.ts'
import { RECOVERY_STAGES } from '../../src/payments/recovery/steps.ts'
import { REFUND_MOVES } from '../../src/payments/refunds/moves.ts'
import { REFUND_STAGES } from '../../src/payments/refunds/next.ts'
import { ROOT } from '../../tools/paths.ts'
import type { Workflow } from '../durable/support/play.ts'
import { HISTORIES, leftAt, readHistory } from './histories.ts'
import { OTHER_SCENES } from './other-scenes.ts'
import { SCENES } from './scenes.ts'

/** Whether this build can go on from where each earlier one left a payment, refund, mandate or recovery, ended or waiting. */

const files = readdirSync(HISTORIES).filter((name) => name.endsWith('.history'))
let bundle: { codePath: string }
beforeAll(async () => {
  bundle = await workflowBundle(join(ROOT, '.cache'))
})

test.each(files)('%s replays', async (file) => {
  // Throws at the first command that differs.
  expect(await Worker.runReplayHistory({ workflowBundle: bundle }, readHistory(file), 'pay_replayed')).toBeUndefined()
})

const releases = new Set(files.map((file) => file.slice(0, file.indexOf('.'))))

test('every scene was kept of every release', () => {
  expect(releases.size).toBeGreaterThan(0)
  const scenes = [...SCENES, ...OTHER_SCENES]
  const wanted = [...releases].flatMap((release) => scenes.map(({ name }) => `${release}.${name}.history`))
  expect(files.toSorted()).toEqual(wanted.toSorted())
})

/** Where each workflow can end and wait, by the code's own tables; of `sleeps` only that it is sent again, or asked again. */
const ends = (statuses: readonly string[]) => statuses.map((status) => `ended ${status}`)
const waits = (stages: readonly string[]) => stages.map((stage) => `waits ${stage}`)
const terminal = ends(PAYMENT_STATUSES.filter(isTerminal))
const EVERYWHERE: Record<Workflow, string[]> = {
  payment: [...terminal, ...waits(STAGES), 'sleeps'],
  refund: [
    ...ends(REFUND_STATUSES.filter((status) => REFUND_MOVES[status].length === 0)),
    ...waits(REFUND_STAGES),
    'sleeps',
  ],
  mandate: [...ends(SOURCE_STATUSES.filter((status) => status !== 'requires_action')), 'sleeps'],
  recovery: [...terminal, ...waits(RECOVERY_STAGES)],
}

test('every end and every waiting state of every workflow has a history of every release', () => {
  for (const release of releases) {
    const left = files.filter((file) => file.startsWith(`${release}.`)).map((file) => leftAt(readHistory(file)))
    for (const [workflow, wanted] of Object.entries(EVERYWHERE)) {
      const there = new Set(left.filter((each) => each.workflow === workflow).map(({ at }) => at))
      expect([workflow, [...there].toSorted()]).toEqual([workflow, wanted.toSorted()])
    }
  }
})

test('every workflow with a life of its own is among them', async () => {
  const { review: _, ...lives } = await import('../../workflows/index.ts')
  expect(Object.keys(lives).toSorted()).toEqual(Object.keys(EVERYWHERE).toSorted())
})

test('a build that does something else is noticed', async () => {
  const history = readHistory(files.find((name) => name.endsWith('.succeeded-after-inquiries.history')) ?? '')
  const scheduled = history.events.find((event) => event.activityTaskScheduledEventAttributes)
  const attributes = scheduled?.activityTaskScheduledEventAttributes
  expect(attributes?.activityType?.name).toBe('inquire')
  if (attributes?.activityType) attributes.activityType.name = 'guess'
  await expect(Worker.runReplayHistory({ workflowBundle: bundle }, history, 'pay_other')).rejects.toThrow(/guess/)
})
