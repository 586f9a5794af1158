import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from '@temporalio/worker'
import { beforeAll, expect, test } from 'vitest'
import { workflowBundle } from '../../src/durable/index.ts'
import { ROOT } from '../../tools/paths.ts'
import { HISTORIES, readHistory } from './histories.ts'
import { SCENES } from './scenes.ts'

/** Whether this build can go on from where each earlier one left a payment, ended or waiting. */

const files = readdirSync(HISTORIES).filter((name) => name.endsWith('.history'))
let bundle: { codePath: string }
beforeAll(async () => {
  bundle = await workflowBundle(join(ROOT, '.cache'))
})

test.each(files)('%s replays', async (file) => {
  // Throws at the first command that differs.
  expect(await Worker.runReplayHistory({ workflowBundle: bundle }, readHistory(file), 'pay_replayed')).toBeUndefined()
})

test('every scene was kept of every release', () => {
  const releases = new Set(files.map((file) => file.slice(0, file.indexOf('.'))))
  expect(releases.size).toBeGreaterThan(0)
  const wanted = [...releases].flatMap((release) => SCENES.map(({ name }) => `${release}.${name}.history`))
  expect(files.toSorted()).toEqual(wanted.toSorted())
})

test('a build that does something else is noticed', async () => {
  const history = readHistory(files.find((name) => name.endsWith('.succeeded-after-inquiries.history')) ?? '')
  const scheduled = history.events.find((event) => event.activityTaskScheduledEventAttributes)
  const attributes = scheduled?.activityTaskScheduledEventAttributes
  expect(attributes?.activityType?.name).toBe('inquire')
  if (attributes?.activityType) attributes.activityType.name = 'guess'
  await expect(Worker.runReplayHistory({ workflowBundle: bundle }, history, 'pay_other')).rejects.toThrow(/guess/)
})
