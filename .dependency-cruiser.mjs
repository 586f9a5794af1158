/**
 * The import rule (docs/architecture.md): who may know whom. Each breach fails
 * the build by the name of its rule; test/house/import-rule.test.ts breaks every
 * one of them once and sees it refused.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const OURS = '^(src|workflows|activities|clients|sim|test|bench|tools)/'
const CODE_FOLDERS = ['src', 'workflows', 'activities', 'clients', 'sim']
/** Domain's and browsers' way into the contract without zod's cost. */
const NAMES = '^src/contract/names\\.ts$'

/** `npm start`: the one main that is not product code, and its parts. */
const DEV = '^src/proc/dev(\\.ts$|/)'

/**
 * Folders under `root` that have an index.ts: their doors.
 * @param {string} root absolute path of the tree
 * @returns {string[]}
 */
function foldersWithDoor(root) {
  const found = []
  for (const top of CODE_FOLDERS) {
    let entries
    try {
      entries = readdirSync(join(root, top), { recursive: true, withFileTypes: true })
    } catch {
      continue // a fixture without this folder
    }
    for (const entry of entries) {
      if (entry.isFile() && entry.name === 'index.ts') {
        found.push(entry.parentPath.slice(root.length + 1).replaceAll('\\', '/'))
      }
    }
  }
  return found
}

const doors = foldersWithDoor(import.meta.dirname).map((folder) => ({
  name: `door:${folder}`,
  comment: `outside ${folder}/ import its index.ts, so that its inside can change; its tests may look inside`,
  severity: /** @type {const} */ ('error'),
  from: { pathNot: [`^${folder}/`, '^test/'] },
  to: { path: `^${folder}/`, pathNot: [`^${folder}/index\\.ts$`, NAMES] },
}))

/** @type {import('dependency-cruiser').IConfiguration} */
const importRule = {
  forbidden: [
    {
      name: 'contract-is-a-leaf',
      comment: 'the wire contract imports nothing of ours',
      severity: 'error',
      from: { path: '^src/contract/' },
      to: { path: OURS, pathNot: '^src/contract/' },
    },
    {
      name: 'contract-needs-zod-alone',
      comment: 'phones, merchants and servers all carry the contract, so it carries one package',
      severity: 'error',
      from: { path: '^src/contract/' },
      to: { dependencyTypesNot: ['local'], pathNot: '(^|/)zod/' },
    },
    {
      name: 'names-are-plain',
      comment: 'names.ts is what the domain and workflows read: no schema, no package',
      severity: 'error',
      from: { path: NAMES },
      to: { path: '.' },
    },
    {
      name: 'domain-is-a-leaf',
      comment: 'rules of money know only themselves and the contract’s plain names',
      severity: 'error',
      from: { path: '^src/domain/' },
      to: { path: OURS, pathNot: ['^src/domain/', NAMES] },
    },
    {
      name: 'domain-is-pure',
      comment: 'no package and no Node module: the same rule runs in hub, workflow, phone and browser',
      severity: 'error',
      from: { path: '^src/domain/' },
      to: { dependencyTypesNot: ['local'] },
    },
    {
      name: 'workflows-are-deterministic',
      comment: 'workflows run code of their own, of the domain and of names.ts; whatever does I/O comes as a type',
      severity: 'error',
      from: { path: '^workflows/' },
      to: {
        path: OURS,
        pathNot: ['^workflows/', '^src/domain/', NAMES],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'workflow-types-come-from-activities-or-src',
      severity: 'error',
      from: { path: '^workflows/' },
      to: { path: OURS, pathNot: ['^workflows/', '^activities/', '^src/'] },
    },
    {
      name: 'workflows-use-the-workflow-sdk-alone',
      comment: 'any other package or Node module may read a clock, chance or the network, and a replay would differ',
      severity: 'error',
      from: { path: '^workflows/' },
      to: { dependencyTypesNot: ['local', 'type-only'], pathNot: '@temporalio/(workflow|common)/' },
    },
    {
      name: 'activities-are-thin',
      comment: 'activities call src, and nobody else',
      severity: 'error',
      from: { path: '^activities/' },
      to: { path: OURS, pathNot: ['^activities/', '^src/'] },
    },
    {
      name: 'edge-holds-no-money-state',
      comment: 'the edge knows sockets and the bus: no ledger, payments, durable, rails, identity or outbox',
      severity: 'error',
      from: { path: '^src/edge/' },
      to: { path: OURS, pathNot: '^src/(edge|contract|domain|bus|config|observe|actor)/' },
    },
    {
      name: 'bridge-holds-no-money-state',
      comment: 'the bridge knows REST and the bus: no ledger, payments, durable, rails, identity or outbox',
      severity: 'error',
      from: { path: '^src/bridge/' },
      to: { path: OURS, pathNot: '^src/(bridge|contract|domain|bus|config|observe|actor)/' },
    },
    {
      name: 'edge-and-bridge-see-no-database',
      comment: 'neither has a Postgres role or a Temporal connection',
      severity: 'error',
      from: { path: ['^src/(edge|bridge)/', '^src/proc/(edge|bridge)\\.ts$'] },
      to: { path: '(^|/)(postgres|@temporalio/[^/]+)/' },
    },
    {
      name: 'outbox-relays-only',
      comment: 'the relay publishes what is committed: it gives no commands and cannot write the ledger',
      severity: 'error',
      from: { path: '^src/outbox/' },
      to: { path: '^src/(payments|ledger|rails|durable|identity|edge|bridge)/' },
    },
    {
      name: 'src-stands-alone',
      comment: 'product code imports no simulator, test, tool, bench or client',
      severity: 'error',
      from: { path: '^src/', pathNot: DEV },
      to: { path: '^(sim|test|tools|bench|clients)/' },
    },
    {
      name: 'dev-is-made-of-tools',
      comment: '`npm start` composes tools and starts everything else by its path',
      severity: 'error',
      from: { path: DEV },
      to: { path: '^(sim|test|bench|clients)/' },
    },
    {
      name: 'src-reaches-workflows-by-path',
      comment: 'the worker bundles workflows by their path; of them src knows types',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^workflows/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'only-mains-compose-activities',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/proc/' },
      to: { path: '^activities/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'nobody-imports-a-main',
      comment: 'mains are composition roots: they are run, not imported',
      severity: 'error',
      from: {},
      to: { path: '^src/(proc/[^/]+|ops/cli)\\.ts$' },
    },
    {
      name: 'only-tools-share-parts-of-dev',
      comment: 'options and ports of `npm start`, which its tools and tests read too',
      severity: 'error',
      from: { pathNot: '^(src/proc/dev\\.ts$|src/proc/dev/|tools/|test/)' },
      to: { path: '^src/proc/[^/]+/' },
    },
    {
      name: 'nobody-imports-a-simulator',
      comment: 'only tests may',
      severity: 'error',
      from: { pathNot: '^(sim|test)/' },
      to: { path: '^sim/' },
    },
    {
      name: 'simulators-share-no-code',
      comment: 'a bank that shared code with its connector would share its mistakes',
      severity: 'error',
      from: { path: '^sim/' },
      to: { path: OURS, pathNot: '^sim/' },
    },
    {
      name: 'clients-use-no-server-code',
      severity: 'error',
      from: { path: '^clients/' },
      to: { path: OURS, pathNot: '^(clients|src/contract|src/domain)/' },
    },
    {
      name: 'mobile-stands-alone',
      comment: 'the phone’s SDK carries contract and domain, and no other client',
      severity: 'error',
      from: { path: '^clients/mobile/' },
      to: { path: OURS, pathNot: '^(clients/mobile|src/contract|src/domain)/' },
    },
    {
      name: 'browser-code-uses-no-node',
      severity: 'error',
      from: { path: '^clients/(mobile|wallet-web|checkout-web|ops-web)/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'nobody-imports-tests',
      severity: 'error',
      from: { path: OURS, pathNot: '^(test|bench)/' },
      to: { path: '^test/' },
    },
    {
      name: 'no-cycles',
      comment: 'by types neither: two files that need each other are one idea or three',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      comment: 'a file nobody imports and that imports nothing is left over',
      severity: 'error',
      from: {
        orphan: true,
        path: OURS,
        // The service worker is a page's second entry, and is built alone.
        pathNot: [
          '\\.d\\.ts$',
          '^tools/([^/]+|container/[^/]+)\\.(ts|mjs)$',
          '^bench/[^/]+\\.ts$',
          '/service-worker\\.ts$',
        ],
      },
      to: {},
    },
    {
      name: 'product-needs-no-dev-dependency',
      severity: 'error',
      from: { path: '^(src|workflows|activities|clients|sim)/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'declared-dependencies',
      comment: 'what is imported stands in package.json',
      severity: 'error',
      from: { path: OURS },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'undetermined'] },
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: { path: OURS },
      to: { couldNotResolve: true },
    },
    ...doors,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(\\.cache|\\.data)/' },
    tsPreCompilationDeps: true,
    combinedDependencies: false,
    skipAnalysisNotInRules: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.tsx', '.mts', '.mjs', '.js', '.cjs', '.json', '.d.ts'],
      mainFields: ['module', 'main', 'types'],
    },
  },
}

export default importRule
