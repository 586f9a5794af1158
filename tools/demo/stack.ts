import { isAbsolute, join } from 'node:path'
import { readDevJson, type DevJson } from '../dev-json.ts'
import { ROOT } from '../paths.ts'

const ANSWER_TRIES = 40
const ANSWER_GAP_MS = 250

/** There is nothing to play on; says what to do. */
export class NotRunning extends Error {
  override readonly name = 'NotRunning'
}

/** The running `npm start` this demo plays on. */
export class Stack {
  readonly dev: DevJson
  readonly dataDir: string

  private constructor(dataDir: string, dev: DevJson) {
    this.dataDir = dataDir
    this.dev = dev
  }

  /** Reads `<data>/dev.json`, of the directory given or what MOORING_DATA names. Throws NotRunning where nothing does. */
  static async find(data: string | undefined, env: NodeJS.ProcessEnv): Promise<Stack> {
    const given = data ?? env['MOORING_DATA'] ?? '.data'
    const dataDir = isAbsolute(given) ? given : join(ROOT, given)
    const dev = readDevJson(dataDir)
    if (dev === undefined) {
      throw new NotRunning(
        `No Mooring runs on ${dataDir}.\nStart one in another terminal with \`npm start\`, wait for its table of ` +
          `addresses, then run \`npm run demo\` again (--data or MOORING_DATA where its data is elsewhere).`,
      )
    }
    const stack = new Stack(dataDir, dev)
    if (await stack.#answers()) return stack
    throw new NotRunning(
      `${dataDir}/dev.json names a bridge at ${dev.bridge}, and nothing answers there.\n` +
        'Did that `npm start` end by force? Start it again, then run `npm run demo` again.',
    )
  }

  /** Process ids at this moment: two that differ tell that a process was killed or restarted in between. */
  pids(): string {
    const { pids } = readDevJson(this.dataDir) ?? this.dev
    return Object.entries(pids)
      .map(([name, pid]) => `${name}:${isAlive(pid) ? pid : 'gone'}`)
      .toSorted()
      .join(' ')
  }

  async #answers(): Promise<boolean> {
    for (let n = 0; n < ANSWER_TRIES; n++) {
      try {
        await fetch(`${this.dev.bridge}/openapi.json`, { signal: AbortSignal.timeout(ANSWER_GAP_MS * 8) })
        return true
      } catch {
        await new Promise((resolve) => setTimeout(resolve, ANSWER_GAP_MS))
      }
    }
    return false
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Another user's process (Postgres) may not be signalled, which shows that it is there.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
