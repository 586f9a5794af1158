import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openStage, type Part } from '../durable/support/play.ts'
import { HISTORIES, keepHistory } from './histories.ts'
import { OTHER_SCENES, type OtherScene } from './other-scenes.ts'
import { SCENES } from './scenes.ts'

/**
 * Keeps the history of every scene that has none yet under this name, as this build makes it:
 * `node test/replay/record.ts <release>` against a running `npm start` or any Temporal server (TEMPORAL_ADDRESS).
 */
const [release] = process.argv.slice(2)
const address = process.env['TEMPORAL_ADDRESS'] ?? '127.0.0.1:7233'
if (release === undefined || !/^[a-z0-9-]+$/.test(release)) throw new Error('say under which name, e.g. `0-1`')
const stage = await openStage({ address, namespace: process.env['TEMPORAL_NAMESPACE'] ?? 'default' })
const payments: readonly OtherScene[] = SCENES.map(({ script, ...way }) => ({
  ...way,
  part: (): Part => ({ workflow: 'payment', activities: stage.activities(structuredClone(script), []) }),
}))
for (const { name, part, meanwhile, waiting } of [...payments, ...OTHER_SCENES]) {
  const file = `${release}.${name}.history`
  if (existsSync(join(HISTORIES, file))) continue
  const history =
    waiting === undefined ? (await stage.playPart(part(), meanwhile)).history : await stage.playUntil(part(), waiting)
  keepHistory(file, history)
  process.stdout.write(`${name}\n`)
}
await stage.close()
