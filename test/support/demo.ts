import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { ROOT } from '../../tools/paths.ts'

/** What a demo says last where everything was as it should be. */
export const ALL_WELL = 'All 12 payments and 2 refunds ended as they should'

/** Runs the demo; `onOutput` sees all it has printed so far, each time there is more. */
export function demo(
  dataDir: string,
  onOutput: (output: string) => void = () => {},
): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, [join(ROOT, 'tools/demo.ts'), '--data', dataDir], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      onOutput(output)
    })
  }
  return new Promise((resolve) => child.once('close', (code) => resolve({ code: code ?? 1, output })))
}
