import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'

/** A simulator as a process on free ports, known by the line it writes when it is ready. */

const ROOT = join(import.meta.dirname, '../../..')
const Ready = z.object({ event: z.literal('ready'), port: z.number(), control: z.number().optional() })

export type Simulator = { port: number; controlPort: number | null; stop(): Promise<void> }

export async function startSimulator(main: string, env: Record<string, string>): Promise<Simulator> {
  const child = spawn(process.execPath, [main], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, SIM_PORT: '0', SIM_CONTROL_PORT: '0', ...env },
  })
  const ready = await new Promise<z.infer<typeof Ready>>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${main} exited with ${code}`)))
    createInterface(child.stdout).on('line', (line) => {
      const parsed = Ready.safeParse(JSON.parse(line))
      if (parsed.success) resolve(parsed.data)
    })
  })
  return {
    port: ready.port,
    controlPort: ready.control ?? null,
    stop: async () => {
      const exited = once(child, 'exit')
      child.kill()
      await exited
    },
  }
}

/** Writes a role's key files into `<dir>/<role>`, and gives back that directory. */
export function writeKeys(dir: string, role: string, files: Record<string, string>): string {
  const keys = join(dir, role)
  mkdirSync(keys)
  for (const [name, content] of Object.entries(files)) writeFileSync(join(keys, name), content)
  return keys
}
