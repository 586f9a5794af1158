import { join } from 'node:path'
import { build } from 'vite'
import { ROOT } from '../../../tools/paths.ts'

/** The SDK with all that it imports, as one script. `iife` makes it the global `mooring`. */
export async function bundled(format: 'es' | 'iife'): Promise<string> {
  const built = await build({
    root: ROOT,
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      minify: true,
      lib: { entry: join(ROOT, 'clients/mobile/index.ts'), formats: [format], fileName: 'mooring', name: 'mooring' },
    },
  })
  const chunks = [built].flat().flatMap((one) => ('output' in one ? one.output : []))
  return chunks.map((chunk) => ('code' in chunk ? chunk.code : '')).join('\n')
}
