import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from '@temporalio/worker'
import { expect, test } from 'vitest'
import { workflowBundle } from '../../src/durable/index.ts'
import { ROOT } from '../../tools/paths.ts'
import { HISTORIES } from './histories.ts'
import { SCENES } from './scenes.ts'

/** Whether this build can go on from where each earlier one left a payment, ended or waiting. */

const files = readdirSync(HISTORIES).filter((name) => name.endsWith('.json'))

test.each(files)('%s replays', async (file) => {
  const history: unknown = JSON.parse(readFileSync(join(HISTORIES, file), 'utf8'))
  const workflowBundleOf = await workflowBundle(join(ROOT, '.cache'))
  // Throws at the first command that differs.
  expect(await Worker.runReplayHistory({ workflowBundle: workflowBundleOf }, history, `pay_${file}`)).toBeUndefined()
})

test('every scene was kept of every release', () => {
  const releases = new Set(files.map((file) => file.slice(0, file.indexOf('.'))))
  expect(releases.size).toBeGreaterThan(0)
  const wanted = [...releases].flatMap((release) => SCENES.map(({ name }) => `${release}.${name}.json`))
  expect(files.toSorted()).toEqual(wanted.toSorted())
})

test('a build that does something else is noticed', async () => {
  const file = files.find((name) => name.endsWith('.succeeded-after-inquiries.json')) ?? ''
  const text = readFileSync(join(HISTORIES, file), 'utf8')
  const other: unknown = JSON.parse(text.replaceAll('"name":"inquire"', '"name":"guess"'))
  expect(JSON.stringify(other)).not.toBe(text.trim())
  const workflowBundleOf = await workflowBundle(join(ROOT, '.cache'))
  await expect(Worker.runReplayHistory({ workflowBundle: workflowBundleOf }, other, 'pay_other')).rejects.toThrow(
    /[Nn]ondeterminism|mismatch/,
  )
})
