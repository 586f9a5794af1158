import { spawn } from 'node:child_process'
import { closeSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { ROOT } from '../../../tools/paths.ts'
import { logTail, openLog } from '../../../tools/process/log-file.ts'
import { nodeEnv } from '../../../tools/servers/launch.ts'
import { BANK, CURRENCY } from './table.ts'

const SETUP_TIMEOUT_MS = 120_000

const SetupOutput = z.object({
  merchants: z.array(z.object({ id: z.string(), name: z.string(), store: z.string() })),
})
export type SetupOutput = z.infer<typeof SetupOutput>

/**
 * Runs src/proc/setup.ts once: migrations, grants, demo merchants, opening
 * postings. Its answer is the last line it prints. @throws with its last words.
 */
export async function runSetup(options: {
  dataDir: string
  keysDir: string
  databaseUrl: string
  signal: AbortSignal
}): Promise<SetupOutput> {
  const logPath = join(options.dataDir, 'logs', 'setup.log')
  const log = openLog(logPath)
  const child = spawn(process.execPath, [join(ROOT, 'src/proc/setup.ts')], {
    cwd: ROOT,
    env: {
      ...nodeEnv(),
      MOORING_ENV: 'test',
      MOORING_KEYS: join(options.keysDir, 'setup'),
      DATABASE_URL: options.databaseUrl,
      MOORING_CURRENCY: CURRENCY,
      MOORING_BANK_ID: BANK.id,
      LOG_LEVEL: 'warn',
    },
    stdio: ['ignore', 'pipe', log],
    signal: AbortSignal.any([options.signal, AbortSignal.timeout(SETUP_TIMEOUT_MS)]),
  })
  closeSync(log)
  let output = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null))
    child.once('close', resolve)
  })
  if (code !== 0) throw new Error(`setup failed (code ${code ?? 'none'})\n${logTail(logPath, 20)}`)
  return SetupOutput.parse(JSON.parse(output.trimEnd().split('\n').at(-1) ?? ''))
}
