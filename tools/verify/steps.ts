import { existsSync } from 'node:fs'
import { join } from 'node:path'

export type Step = {
  /** As in `npm run verify -- --only <name>`. */
  name: string
  what: string
  /** A Node script in node_modules, and its arguments. */
  script: string
  args: readonly string[]
  /** Arguments that mend instead of checking, where the tool can. */
  fixArgs?: readonly string[]
}

export const ROOT = join(import.meta.dirname, '../..')

const FOLDERS = ['src', 'workflows', 'activities', 'clients', 'sim', 'test', 'bench', 'tools'].filter((folder) =>
  existsSync(join(ROOT, folder)),
)

/** What is checked before the tests, in this order. Each reads the tree alone: no server, no network. */
export const STEPS: readonly Step[] = [
  { name: 'format', what: 'oxfmt', script: 'oxfmt/bin/oxfmt', args: ['--list-different', '.'], fixArgs: ['.'] },
  { name: 'lint', what: 'oxlint, type-aware', script: 'oxlint/bin/oxlint', args: [], fixArgs: ['--fix'] },
  { name: 'types', what: 'tsc, strict', script: 'typescript/bin/tsc', args: ['--project', '.'] },
  {
    name: 'imports',
    what: 'the import rule, dependency-cruiser',
    script: 'dependency-cruiser/bin/dependency-cruise.mjs',
    args: ['--config', '.dependency-cruiser.mjs', '--output-type', 'err-long', ...FOLDERS],
  },
  {
    name: 'unused',
    what: 'unused files, exports and dependencies, knip',
    script: 'knip/bin/knip.js',
    args: [],
  },
  { name: 'duplicates', what: 'jscpd', script: 'jscpd/run-jscpd.js', args: ['--config', '.jscpd.json', '--no-colors'] },
]
