import { openStage } from '../durable/support/play.ts'
import { keepHistory } from './histories.ts'
import { SCENES } from './scenes.ts'

/**
 * Keeps the history of every scene as this build makes it, beside those of earlier builds:
 * `node test/replay/record.ts <release>` against a running `npm start` or any Temporal server (TEMPORAL_ADDRESS).
 */
const [release] = process.argv.slice(2)
const address = process.env['TEMPORAL_ADDRESS'] ?? '127.0.0.1:7233'
if (release === undefined || !/^[a-z0-9-]+$/.test(release)) throw new Error('say under which name, e.g. `0-1`')
const stage = await openStage({ address, namespace: process.env['TEMPORAL_NAMESPACE'] ?? 'default' })
for (const { name, script, meanwhile, waiting } of SCENES) {
  const mine = structuredClone(script)
  const history =
    waiting === undefined ? (await stage.play(mine, meanwhile)).history : await stage.playUntil(mine, waiting)
  keepHistory(`${release}.${name}.history`, history)
  process.stdout.write(`${name}\n`)
}
await stage.close()
