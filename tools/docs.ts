import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { accountingBlocks } from './docs/accounting.ts'
import { type Blocks, withBlocks } from './docs/blocks.ts'
import { protocolBlocks } from './docs/protocol.ts'
import { ROOT } from './paths.ts'

/**
 * Writes what the documents take from the code into them; to be run when a
 * schema or a posting rule has changed: `node_modules/.bin/node tools/docs.ts`.
 */
const MADE: Readonly<Record<string, () => Blocks>> = {
  'docs/protocol.md': protocolBlocks,
  'docs/accounting.md': accountingBlocks,
}

for (const [path, make] of Object.entries(MADE)) {
  const file = join(ROOT, path)
  writeFileSync(file, withBlocks(readFileSync(file, 'utf8'), make()))
  console.log(path)
}
