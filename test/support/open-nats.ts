import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Child, startChild } from '../../tools/process/child.ts'
import { freePorts } from '../../tools/process/ports.ts'
import { acquire } from '../../tools/servers/acquire.ts'
import { natsLaunch, forEachRole } from '../../tools/servers/nats.ts'
import { natsRecipe } from '../../tools/servers/recipes.ts'
import { tempDir } from './servers.ts'

/** A NATS whose one user may do anything, for tests that do what no role of ours may: publish live messages, delete the stream. */
export type OpenNats = { url: string; kill(): Promise<void>; start(): Promise<void>; stop(): Promise<void> }

export async function startOpenNats(): Promise<OpenNats> {
  const dir = tempDir('open-nats')
  const [binary, [port = 0]] = await Promise.all([acquire(natsRecipe, () => {}), freePorts(1)])
  const store = join(dir, 'data')
  const launch = {
    ...natsLaunch({ binary, dir: store, port, passwords: forEachRole(() => 'unused') }),
    prepare: () => {
      mkdirSync(store, { recursive: true })
      writeFileSync(
        join(store, 'nats.conf'),
        `listen: "127.0.0.1:${port}"
jetstream { store_dir: ${JSON.stringify(join(store, 'jetstream'))} }
authorization { users: [{ user: test, password: test }] }
`,
      )
      return Promise.resolve()
    },
  }
  let child: Child
  const start = async () => {
    child = await startChild(launch, join(dir, 'nats.log'))
    await child.untilReady()
  }
  await start()
  return {
    url: `nats://test:test@127.0.0.1:${port}`,
    start,
    kill: async () => {
      child.kill('SIGKILL')
      await child.exited
    },
    stop: async () => {
      await child.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
