import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Say } from '../paths.ts'
import { startGuardian } from '../process/guardian.ts'
import { boundLog } from '../process/log-file.ts'
import type { Launch } from '../servers/launch.ts'
import { devJsonPath } from '../dev-json.ts'
import { GUARDIAN, removeRecords, writeRecords } from './leftovers.ts'
import { Supervised } from './supervised.ts'

/** Stages in the order they are stopped: first what takes work in, last what it is kept on. */
export const STOP_ORDER = ['intake', 'work', 'rails', 'servers'] as const
export type Stage = (typeof STOP_ORDER)[number]

const LOG_CHECK_MS = 30_000

export type Supervisor = {
  /** Starts a process and waits until it is ready; from then on it is kept running. @throws where it does not become ready. */
  start(stage: Stage, launch: Launch): Promise<void>
  /** Pids of what has been ready, by name. */
  pids(): Record<string, number>
  /** Stops everything, stage by stage. */
  stop(): Promise<void>
  /** Cuts a stop short: whatever still runs is killed. */
  kill(): void
}

/**
 * Runs the processes of one data directory: keeps them up, keeps the list by
 * which a successor could end them, and leaves none behind.
 */
export function makeSupervisor(options: { dataDir: string; say: Say; onPids: () => void }): Supervisor {
  const { dataDir, say } = options
  const members: { stage: Stage; process: Supervised }[] = []
  let stopping = false
  const guardian = startGuardian()
  guardian.unlink(devJsonPath(dataDir))
  const logDir = join(dataDir, 'logs')
  mkdirSync(logDir, { recursive: true, mode: 0o700 })
  const logCheck = setInterval(() => {
    for (const { process } of members) boundLog(process.logPath)
  }, LOG_CHECK_MS)
  logCheck.unref()

  const running = () =>
    members.flatMap(({ stage, process }) => {
      const { pid, name } = process
      return pid === undefined ? [] : [{ name, pid, server: stage === 'servers' }]
    })

  const onChange = () => {
    const now = running()
    const pidsOf = (server: boolean) => now.filter((entry) => entry.server === server).map((entry) => entry.pid)
    guardian.guard(pidsOf(false), pidsOf(true))
    const { pid } = guardian
    writeRecords(dataDir, pid === undefined ? now : [...now, { name: GUARDIAN, pid, server: false }])
    options.onPids()
  }

  return {
    start: async (stage, launch) => {
      if (stopping) throw new Error(`${launch.name} is not started: everything is being stopped`)
      const process = new Supervised({ launch, logPath: join(logDir, `${launch.name}.log`), say, onChange })
      members.push({ stage, process })
      await process.start()
    },
    pids: () =>
      Object.fromEntries(
        members.flatMap(({ process }) => (process.readyPid === undefined ? [] : [[process.name, process.readyPid]])),
      ),
    stop: async () => {
      stopping = true
      for (const stage of STOP_ORDER) {
        await Promise.all(members.filter((member) => member.stage === stage).map(({ process }) => process.stop()))
      }
      clearInterval(logCheck)
      guardian.dismiss()
      removeRecords(dataDir)
    },
    kill: () => {
      for (const { pid } of running()) process.kill(pid, 'SIGKILL')
    },
  }
}
