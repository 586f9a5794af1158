import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process'

export type RunResult = { code: number; output: string }

const OUTPUT_TAIL_CHARS = 16_000
const running = new Set<ChildProcess>()

/** Interrupts whatever runs, for a process that is told to stop meanwhile. */
export function interruptRuns(): void {
  for (const child of running) child.kill('SIGINT')
}

/**
 * Runs a program to its end; both its streams, the newest part, come back
 * together. A program that cannot be started at all ends with code 127.
 */
export function run(
  command: string,
  args: string[],
  options: Pick<SpawnOptions, 'cwd' | 'env' | 'uid' | 'gid'> & {
    timeoutMs?: number
    onText?: (text: string) => void
  } = {},
): Promise<RunResult> {
  const { timeoutMs, onText, ...spawnOptions } = options
  return new Promise((resolve) => {
    let output = ''
    const child = spawn(command, args, { ...spawnOptions, stdio: ['ignore', 'pipe', 'pipe'] })
    running.add(child)
    child.once('exit', () => running.delete(child))
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    const take = (chunk: Buffer) => {
      const text = chunk.toString()
      output = (output + text).slice(-OUTPUT_TAIL_CHARS)
      onText?.(text)
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    child.once('error', (error) => {
      clearTimeout(timer)
      resolve({ code: 127, output: error.message })
    })
    child.once('close', (code) => {
      clearTimeout(timer)
      resolve({ code: code ?? 1, output })
    })
  })
}

export function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n')
}
