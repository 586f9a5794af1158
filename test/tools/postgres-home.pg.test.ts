import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startChild } from '../../tools/process/child.ts'
import { freePorts } from '../../tools/process/ports.ts'
import {
  ensureCluster,
  findPostgres,
  postgresHome,
  postgresLaunch,
  wipeOutside,
} from '../../tools/servers/postgres/index.ts'

describe.runIf(process.getuid?.() === 0)('Postgres, started by root', () => {
  let dir: string
  let dataDir: string

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'mooring-home-'))
    dataDir = join(dir, 'data')
    mkdirSync(dataDir, { mode: 0o711 })
  })

  afterEach(() => {
    wipeOutside(dataDir)
    rmSync(dir, { recursive: true, force: true })
  })

  it('keeps its data in the data directory where its user can reach it', async () => {
    chmodSync(dir, 0o711)
    const home = await postgresHome(dataDir, await findPostgres())
    expect(home.data).toBe(join(dataDir, 'postgres'))
    expect(statSync(home.data).uid).toBe(home.owner?.uid)
  })

  it('keeps them outside where a folder above is closed, runs there, and is wiped with the rest', async () => {
    chmodSync(dir, 0o700)
    const home = await postgresHome(dataDir, await findPostgres())
    expect(home.data.startsWith(dir)).toBe(false)
    await ensureCluster(home, { superuserPassword: 'only for this test', durable: false })
    const [port = 0] = await freePorts(1)
    const child = await startChild(postgresLaunch(home, port), join(dir, 'postgres.log'))
    try {
      await child.untilReady()
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
      expect(status).toMatch(new RegExp(`^Uid:\\s+${home.owner?.uid}\\b`, 'm'))
      expect(status).toMatch(/^Groups:\s*$/m)
    } finally {
      await child.stop()
    }
    wipeOutside(dataDir)
    expect(existsSync(dirname(home.data))).toBe(false)
  })

  it('goes on with the data it has where the folder is opened later', async () => {
    chmodSync(dir, 0o700)
    const closed = await postgresHome(dataDir, await findPostgres())
    chmodSync(dir, 0o711)
    expect((await postgresHome(dataDir, await findPostgres())).data).toBe(closed.data)
  })

  it('starts again at once after its postmaster was killed, pid file and children left', async () => {
    chmodSync(dir, 0o711)
    const home = await postgresHome(dataDir, await findPostgres())
    await ensureCluster(home, { superuserPassword: 'only for this test', durable: false })
    const [port = 0] = await freePorts(1)
    const launch = postgresLaunch(home, port)
    const killed = await startChild(launch, join(dir, 'postgres.log'))
    await killed.untilReady()
    killed.kill('SIGKILL')
    await killed.exited
    expect(existsSync(join(home.data, 'postmaster.pid'))).toBe(true)
    const again = await startChild(launch, join(dir, 'postgres.log'))
    await again.untilReady()
    expect((await again.stop()).code).toBe(0)
  })
})
