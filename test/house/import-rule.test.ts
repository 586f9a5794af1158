import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'

/** A tree in which every import is allowed, path → imported specifiers. */
const LAWFUL: Record<string, string[]> = {
  'src/contract/names.ts': [],
  'src/contract/index.ts': ['./names.ts', './frames.ts'],
  'src/contract/frames.ts': ['zod', './names.ts'],
  'src/domain/fee.ts': ['../contract/names.ts', './money.ts'],
  'src/domain/money.ts': [],
  'src/bus/index.ts': ['./inside.ts'],
  'src/bus/inside.ts': ['../contract/index.ts'],
  'src/config/env.ts': ['zod'],
  'src/observe/log.ts': ['node:http'],
  'src/actor/mailbox.ts': ['../observe/log.ts'],
  'src/edge/session.ts': [
    'ws',
    '../actor/mailbox.ts',
    '../bus/index.ts',
    '../config/env.ts',
    '../contract/index.ts',
    '../domain/fee.ts',
  ],
  'src/bridge/rest.ts': ['../bus/index.ts', '../contract/names.ts', '../observe/log.ts'],
  'src/ledger/apply.ts': ['postgres'],
  'src/payments/accept.ts': ['../ledger/apply.ts', '../domain/fee.ts'],
  'src/identity/verify.ts': ['../domain/fee.ts'],
  'src/rails/port.ts': ['../contract/names.ts'],
  'src/durable/client.ts': ['@temporalio/client', 'type:../../workflows/payment.ts'],
  'src/outbox/relay.ts': ['postgres', '../bus/index.ts'],
  'src/proc/edge.ts': ['../edge/session.ts', '../bridge/rest.ts'],
  'src/proc/hub.ts': [
    '../payments/accept.ts',
    '../durable/client.ts',
    '../rails/port.ts',
    '../identity/verify.ts',
    '../../activities/index.ts',
  ],
  'src/proc/relay.ts': ['../outbox/relay.ts'],
  'activities/index.ts': ['../src/ledger/apply.ts', '@temporalio/activity'],
  'workflows/payment.ts': [
    '@temporalio/workflow',
    '../src/domain/fee.ts',
    '../src/contract/names.ts',
    'type:../activities/index.ts',
    'type:../src/rails/port.ts',
  ],
  'clients/mobile/phone.ts': ['../../src/contract/index.ts', '../../src/domain/fee.ts'],
  'clients/merchant/server.ts': ['node:crypto', '../../src/contract/index.ts'],
  'sim/bank/main.ts': ['./book.ts', 'fastify'],
  'sim/bank/book.ts': ['node:fs'],
  'src/proc/dev.ts': ['./dev/options.ts', '../../tools/supervise.ts'],
  'src/proc/dev/options.ts': ['../../../tools/keys.ts'],
  'tools/keys.ts': [],
  'tools/reset.ts': ['../src/proc/dev/options.ts'],
  'tools/supervise.ts': ['../src/ledger/apply.ts'],
  'test/e2e/pay.e2e.test.ts': [
    '../../clients/mobile/phone.ts',
    '../../sim/bank/main.ts',
    '../../src/bus/inside.ts',
    '../../workflows/payment.ts',
    '../../tools/supervise.ts',
    '../../src/proc/dev/options.ts',
    'vitest',
  ],
  'bench/payments.ts': ['../clients/mobile/phone.ts'],
}

/** One breach a line: the rule that must name it, who breaks it, by importing what. */
const BREACHES: [rule: string, from: string, to: string][] = [
  ['contract-is-a-leaf', 'src/contract/leaf.ts', '../domain/money.ts'],
  ['contract-is-a-leaf', 'src/contract/leaf-type.ts', 'type:../rails/port.ts'],
  ['contract-needs-zod-alone', 'src/contract/node.ts', 'node:crypto'],
  ['contract-needs-zod-alone', 'src/contract/package.ts', 'ws'],
  ['names-are-plain', 'src/contract/names.ts', 'zod'],
  ['domain-is-a-leaf', 'src/domain/contract.ts', '../contract/index.ts'],
  ['domain-is-a-leaf', 'src/domain/bus.ts', '../bus/index.ts'],
  ['domain-is-pure', 'src/domain/zod.ts', 'zod'],
  ['domain-is-pure', 'src/domain/node.ts', 'node:crypto'],
  ['workflows-are-deterministic', 'workflows/calls-activity.ts', '../activities/index.ts'],
  ['workflows-are-deterministic', 'workflows/calls-ledger.ts', '../src/ledger/apply.ts'],
  ['workflows-are-deterministic', 'workflows/contract.ts', '../src/contract/index.ts'],
  ['workflow-types-come-from-activities-or-src', 'workflows/sim.ts', 'type:../sim/bank/book.ts'],
  ['workflows-use-the-workflow-sdk-alone', 'workflows/client.ts', '@temporalio/client'],
  ['workflows-use-the-workflow-sdk-alone', 'workflows/node.ts', 'node:crypto'],
  ['activities-are-thin', 'activities/workflow.ts', 'type:../workflows/payment.ts'],
  ...['ledger/apply', 'payments/accept', 'durable/client', 'rails/port', 'identity/verify', 'outbox/relay'].flatMap(
    (inside): typeof BREACHES => [
      ['edge-holds-no-money-state', `src/edge/${inside.replace('/', '-')}.ts`, `../${inside}.ts`],
      ['bridge-holds-no-money-state', `src/bridge/${inside.replace('/', '-')}.ts`, `type:../${inside}.ts`],
    ],
  ),
  ['edge-and-bridge-see-no-database', 'src/edge/sql.ts', 'postgres'],
  ['edge-and-bridge-see-no-database', 'src/bridge/temporal.ts', '@temporalio/client'],
  ['outbox-relays-only', 'src/outbox/payments.ts', '../payments/accept.ts'],
  ['outbox-relays-only', 'src/outbox/ledger.ts', '../ledger/apply.ts'],
  ['src-stands-alone', 'src/rails/tool.ts', '../../tools/supervise.ts'],
  ['src-stands-alone', 'src/proc/setup.ts', '../../tools/keys.ts'],
  ['dev-is-made-of-tools', 'src/proc/dev/sim.ts', '../../../sim/bank/book.ts'],
  ['only-tools-share-parts-of-dev', 'src/payments/options.ts', '../proc/dev/options.ts'],
  ['only-tools-share-parts-of-dev', 'src/proc/bridge.ts', './dev/options.ts'],
  ['src-stands-alone', 'src/rails/client.ts', '../../clients/mobile/phone.ts'],
  ['src-stands-alone', 'src/rails/sim.ts', '../../sim/bank/book.ts'],
  ['src-reaches-workflows-by-path', 'src/durable/bundle.ts', '../../workflows/payment.ts'],
  ['only-mains-compose-activities', 'src/durable/activities.ts', '../../activities/index.ts'],
  ['nobody-imports-a-main', 'src/payments/main.ts', '../proc/relay.ts'],
  ['nobody-imports-a-main', 'src/proc/setup.ts', './relay.ts'],
  ['nobody-imports-a-main', 'tools/main.ts', '../src/proc/relay.ts'],
  ['nobody-imports-a-main', 'test/proc.test.ts', '../src/proc/relay.ts'],
  ['nobody-imports-a-simulator', 'src/payments/sim.ts', '../../sim/bank/book.ts'],
  ['nobody-imports-a-simulator', 'bench/sim.ts', '../sim/bank/book.ts'],
  ['simulators-share-no-code', 'sim/bank/iso.ts', '../../src/rails/port.ts'],
  ['simulators-share-no-code', 'sim/bank/contract.ts', 'type:../../src/contract/names.ts'],
  ['clients-use-no-server-code', 'clients/merchant/bus.ts', '../../src/bus/index.ts'],
  ['clients-use-no-server-code', 'clients/merchant/edge.ts', 'type:../../src/edge/session.ts'],
  ['mobile-stands-alone', 'clients/mobile/merchant.ts', '../merchant/server.ts'],
  ['browser-code-uses-no-node', 'clients/mobile/node.ts', 'node:crypto'],
  ['nobody-imports-tests', 'tools/leak.ts', '../test/e2e/pay.e2e.test.ts'],
  ['no-cycles', 'src/payments/cycle-back.ts', 'type:./cycle.ts'],
  ['no-orphans', 'src/payments/orphan.ts', ''],
  ['product-needs-no-dev-dependency', 'src/payments/dev.ts', 'vitest'],
  ['declared-dependencies', 'src/payments/undeclared.ts', 'undeclared'],
  ['resolvable', 'src/payments/missing.ts', './nowhere.ts'],
  ['door:src/bus', 'src/payments/window.ts', '../bus/inside.ts'],
  ['door:activities', 'src/proc/window.ts', '../../activities/workflow.ts'],
  ['door:src/contract', 'clients/mobile/window.ts', '../../src/contract/frames.ts'],
]

const Cruise = z.object({
  summary: z.object({
    violations: z.array(z.object({ from: z.string(), to: z.string(), rule: z.object({ name: z.string() }) })),
  }),
})

const ROOT = join(import.meta.dirname, '../..')
const PACKAGES = [
  'zod',
  'ws',
  'postgres',
  'fastify',
  '@temporalio/client',
  '@temporalio/activity',
  '@temporalio/workflow',
]
const trees: string[] = []

/** Lays a tree of files that only import, with stand-ins for its packages, under the repository's own rule. */
async function plant(files: Record<string, string[]>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'mooring-import-rule-'))
  trees.push(root)
  const put = async (path: string, text: string) => {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
  await cp(join(ROOT, '.dependency-cruiser.mjs'), join(root, '.dependency-cruiser.mjs'))
  await symlink(join(ROOT, 'tsconfig.json'), join(root, 'tsconfig.json'))
  const dependencies = Object.fromEntries(PACKAGES.map((name) => [name, '1.0.0']))
  await put('package.json', JSON.stringify({ type: 'module', dependencies, devDependencies: { vitest: '1.0.0' } }))
  for (const name of [...PACKAGES, 'vitest', 'undeclared']) {
    await put(`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', main: 'index.js' }))
    await put(`node_modules/${name}/index.js`, 'export {}\n')
  }
  for (const [path, imports] of Object.entries(files)) {
    const lines = imports.map((specifier, n) =>
      specifier.startsWith('type:')
        ? `import type { x as x${n} } from '${specifier.slice('type:'.length)}'`
        : `import { x as x${n} } from '${specifier}'`,
    )
    await put(path, `${lines.join('\n')}\nexport const x = 1\n`)
  }
  return root
}

/** What the command of `npm run verify` finds in a tree: `rule: from`. */
async function violations(root: string): Promise<string[]> {
  const folders = ['src', 'workflows', 'activities', 'clients', 'sim', 'test', 'bench', 'tools']
  const bin = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs')
  const text = await new Promise<string>((resolve, reject) => {
    execFile(
      process.execPath,
      [bin, '--config', '.dependency-cruiser.mjs', '--output-type', 'json', ...folders],
      { cwd: root, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout) => (stdout === '' ? reject(error ?? new Error('no output')) : resolve(stdout)),
    )
  })
  return Cruise.parse(JSON.parse(text)).summary.violations.map(({ rule, from }) => `${rule.name}: ${from}`)
}

afterAll(async () => {
  for (const tree of trees) await rm(tree, { recursive: true, force: true })
})

describe('the import rule', () => {
  it('lets every import of the architecture through', async () => {
    expect(await violations(await plant(LAWFUL))).toEqual([])
  })

  describe('refuses', () => {
    let found: string[] = []
    beforeAll(async () => {
      const files: Record<string, string[]> = {
        ...structuredClone(LAWFUL),
        'src/payments/cycle.ts': ['./cycle-back.ts'],
      }
      for (const [, from, to] of BREACHES) files[from] = [...(files[from] ?? []), ...(to === '' ? [] : [to])]
      found = await violations(await plant(files))
    })

    it.each(BREACHES)('%s: %s importing %s', (rule, from) => {
      expect(found).toContain(`${rule}: ${from}`)
    })

    it('by each rule it has, so that none stands there unproved', async () => {
      const config = z
        .object({ default: z.object({ forbidden: z.array(z.object({ name: z.string() })) }) })
        .parse(await import(join(ROOT, '.dependency-cruiser.mjs')))
      const unproved = config.default.forbidden
        .map(({ name }) => name)
        .filter((name) => !name.startsWith('door:') && !BREACHES.some(([rule]) => rule === name))
      expect(unproved).toEqual([])
    })
  })
})
