import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { BridgeEnv } from '../../src/config/bridge.ts'
import { EdgeEnv } from '../../src/config/edge.ts'
import { MAY_BE_FILES } from '../../src/config/env.ts'
import { HubEnv } from '../../src/config/hub.ts'
import { OpsEnv } from '../../src/config/ops.ts'
import { PagesEnv } from '../../src/config/pages.ts'
import { RelayEnv } from '../../src/config/relay.ts'
import { SetupEnv } from '../../src/config/setup.ts'
import { HUB_FLAGS } from '../../src/proc/dev/table.ts'
import { ROOT } from '../../tools/paths.ts'
import {
  COMPOSE_FILE,
  COMPOSE_TEXT,
  listens,
  mainOf,
  mounts,
  published,
  readCompose,
  readDockerfile,
} from './compose.ts'
import type { Service } from './compose.ts'

const { services, volumes } = readCompose()
const all = Object.entries(services)
const ours = all.filter(([, { build }]) => build !== undefined)
const others = all.filter(([, { build }]) => build === undefined)
const once = (service: Service) => service.restart === 'no'
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const manifest = z.object({ dependencies: z.record(z.string(), z.string()) }).parse(JSON.parse(read('package.json')))

/** Each process with the schema of its environment. */
const SCHEMAS: Record<string, z.ZodType & { shape: Record<string, unknown> }> = {
  'src/proc/edge.ts': EdgeEnv,
  'src/proc/bridge.ts': BridgeEnv,
  'src/proc/hub.ts': HubEnv,
  'src/proc/relay.ts': RelayEnv,
  'src/proc/ops.ts': OpsEnv,
  'src/proc/pages.ts': PagesEnv,
  'src/proc/setup.ts': SetupEnv,
}
const processes = ours.filter(([, service]) => mainOf(service).startsWith('src/proc/'))
const simulators = ours.filter(([, service]) => mainOf(service).startsWith('sim/'))

/** As the process sees it, addresses in files read. */
function seen({ environment }: Service): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => {
      const plain = MAY_BE_FILES.find((one) => name === `${one}_FILE`)
      return plain === undefined ? [name, value] : [plain, 'nats://user:password@host:1']
    }),
  )
}

/** Settings that a simulator's code reads, and those without which it does not start. */
function simSettings(folder: string): { known: Set<string>; needed: Set<string> } {
  const code = [folder, 'sim/common']
    .flatMap((under) =>
      readdirSync(join(ROOT, under), { recursive: true, encoding: 'utf8' }).map((f) => join(under, f)),
    )
    .filter((path) => path.endsWith('.ts'))
    .map(read)
    .join('\n')
  const main = read(join(folder, 'main.ts'))
  return {
    known: new Set([...code.matchAll(/'(SIM_[A-Z_]+)'/g)].map(([, name = '']) => name)),
    needed: new Set(
      [...main.matchAll(/(?:required|port)Setting\((?:process\.)?env, '(SIM_[A-Z_]+)'\)/g)]
        .map(([, name = '']) => name)
        // A control port of its own is asked for only where there is one.
        .filter((name) => name !== 'SIM_CONTROL_PORT' || folder === 'sim/bank'),
    ),
  }
}

describe('docker-compose.yml', () => {
  it('runs every process there is, two edges, and every simulator', () => {
    const mains = [...Object.keys(SCHEMAS), ...readdirSync(join(ROOT, 'sim')).map((name) => `sim/${name}/main.ts`)]
    const there = mains.filter((main) => existsSync(join(ROOT, main)))
    expect(new Set([...processes, ...simulators].map(([, service]) => mainOf(service)))).toEqual(new Set(there))
    const inFolder = readdirSync(join(ROOT, 'src/proc')).filter((name) => name.endsWith('.ts') && name !== 'dev.ts')
    expect(inFolder.map((name) => `src/proc/${name}`).filter((main) => SCHEMAS[main] === undefined)).toEqual([])
    expect(processes.filter(([, service]) => mainOf(service).endsWith('/edge.ts'))).toHaveLength(2)
    for (const server of ['postgres', 'nats', 'temporal', 'temporal-ui']) expect(services).toHaveProperty(server)
  })

  it.each(ours)('has %s run a file that is there, by Node and without a shell', (_name, service) => {
    expect(service.command[0]).toBe('node')
    expect(existsSync(join(ROOT, mainOf(service)))).toBe(true)
    expect(service.entrypoint).toBeUndefined()
  })

  it.each(processes)('gives %s settings that its schema takes, and none that it does not know', (name, service) => {
    const schema = SCHEMAS[mainOf(service)]
    const environment = seen(service)
    expect(schema?.safeParse(environment).error).toBeUndefined()
    expect(Object.keys(environment).filter((key) => schema?.shape[key] === undefined)).toEqual([])
    if (environment['MOORING_PROCESS'] !== undefined) expect(environment['MOORING_PROCESS']).toBe(name)
    if (environment['MOORING_ENV'] !== undefined) expect(environment['MOORING_ENV']).toBe('test')
  })

  it.each(simulators)('gives %s what its code asks for, and nothing that it does not read', (_name, service) => {
    const { known, needed } = simSettings(mainOf(service).replace('/main.ts', ''))
    expect(needed.size).toBeGreaterThan(2)
    expect([...needed].filter((key) => service.environment[key] === undefined)).toEqual([])
    expect(Object.keys(service.environment).filter((key) => !known.has(key))).toEqual([])
  })

  it('lets a hub hear every rail of its list, each by the settings of its connector', () => {
    const { MOORING_RAILS: rails } = HubEnv.parse(seen(services['hub-0'] ?? expect.fail('there is no hub-0')))
    expect(rails.map(({ connector }) => connector).toSorted()).toEqual(['camara', 'gsma', 'iso20022'])
  })

  it('runs hubs with the flags that npm start gives them', () => {
    const hubs = processes.filter(([, service]) => mainOf(service).endsWith('/hub.ts'))
    expect(hubs.map(([, { command }]) => command.slice(1, -1))).toEqual(hubs.map(() => HUB_FLAGS))
  })

  it('reaches only ports that are listened on, by names that are there', () => {
    const servers: Record<string, number[]> = { postgres: [5432], nats: [4222], temporal: [7233] }
    const at = new Map<string, number[]>()
    for (const [name, service] of all) {
      const names = [name, ...Object.values(service.networks ?? {}).flatMap(({ aliases }) => aliases)]
      for (const one of names) at.set(one, [...(servers[name] ?? []), ...listens(service)])
    }
    const outside = new Set(all.flatMap(([, service]) => published(service).map((port) => port.outside)))
    const pages = [7300] // the wallet's, which is served elsewhere
    const named = all.flatMap(([, { environment }]) =>
      Object.values(environment).flatMap((value) =>
        [...value.matchAll(/(?:^|:\/\/)([a-z][a-z0-9-]*|127\.0\.0\.1):(\d+)/g)].map(([, host = '', port]) => ({
          host,
          port: Number(port),
        })),
      ),
    )
    expect(named.length).toBeGreaterThan(10)
    const lost = named.filter(({ host, port }) =>
      ['127.0.0.1', 'localhost'].includes(host)
        ? !outside.has(port) && !pages.includes(port)
        : at.get(host)?.includes(port) !== true,
    )
    expect(lost).toEqual([])
  })

  it('publishes ports on loopback alone, each once, and those the process listens on', () => {
    const ports = all.flatMap(([name, service]) => published(service).map((port) => ({ name, service, ...port })))
    expect(ports.length).toBeGreaterThan(6)
    for (const { host, inside, service } of ports) {
      expect(host).toBe('127.0.0.1')
      expect(listens(service)).toContain(inside)
    }
    expect(new Set(ports.map(({ outside }) => outside)).size).toBe(ports.length)
    const closed = processes.filter(([, { environment }]) => environment['MOORING_PORT'] !== undefined)
    // A door that stays on loopback would be shut to everybody.
    expect(closed.filter(([, { environment }]) => environment['MOORING_HOST'] !== '0.0.0.0')).toEqual([])
    expect(simulators.filter(([, { environment }]) => environment['SIM_HOST'] !== '0.0.0.0')).toEqual([])
  })

  it('waits for each that must be there: served by those that stay, ended well by those that run once', () => {
    for (const [, { depends_on: needs }] of all) {
      for (const [name, { condition }] of Object.entries(needs)) {
        const target = services[name] ?? expect.fail(`there is no ${name}`)
        expect(condition).toBe(once(target) ? 'service_completed_successfully' : 'service_healthy')
      }
    }
    const reaches = (from: string, to: string): boolean =>
      Object.keys(services[from]?.depends_on ?? {}).some((name) => name === to || reaches(name, to))
    expect(all.filter(([name]) => name !== 'keys' && !reaches(name, 'keys'))).toEqual([])
    for (const name of ['hub-0', 'relay-0', 'ops-0']) expect([name, reaches(name, 'setup')]).toEqual([name, true])
  })

  it('checks the health of all that stay', () => {
    const unchecked = others.filter(([, service]) => !once(service) && service.healthcheck === undefined)
    expect(unchecked).toEqual([])
    // Ours by their image's check.
    expect(ours.filter(([, service]) => !once(service) && service.healthcheck !== undefined)).toEqual([])
    const asks = read('tools/container/healthy.mjs')
    for (const [, { environment }] of [...processes, ...simulators].filter(([, service]) => !once(service)))
      expect(['MOORING_PRIVATE_PORT', 'SIM_PORT'].some((name) => environment[name] !== undefined)).toBe(true)
    expect(asks).toContain('/readyz')
    for (const path of ['src/observe/private-port.ts', 'sim/common/control.ts'])
      expect(read(path)).toContain("'/readyz'")
  })

  it('shows each container its own keys, and read only; all of them only to who makes them', () => {
    for (const [name, service] of all) {
      const rooms = mounts(service).filter(({ volume }) => volume.startsWith('keys'))
      if (name === 'keys') {
        const declared = Object.keys(volumes).filter((volume) => volume.startsWith('keys'))
        expect(rooms.map(({ volume }) => volume).toSorted()).toEqual(declared.toSorted())
        continue
      }
      const role = name.replace(/^(hub|edge|bridge|relay|ops)-\d+$/, '$1').replace('temporal-schema', 'temporal')
      // Merchants' keys are stored under the hub's pepper.
      const may = [`keys-${role}`, ...(name === 'setup' ? ['keys-hub'] : [])]
      expect(rooms.filter(({ volume, readOnly }) => !may.includes(volume) || !readOnly)).toEqual([])
      const own = [service.environment['MOORING_KEYS'], service.environment['SIM_KEYS']].filter(
        (at) => at !== undefined,
      )
      const files = Object.entries(service.environment).filter(([key]) => key.endsWith('_FILE'))
      for (const at of [...own, ...files.map(([, path]) => path.replace(/\/[^/]+$/, ''))])
        expect(rooms.map((room) => room.at)).toContain(at)
    }
  })

  it('declares the volumes that it mounts', () => {
    const mounted = all.flatMap(([, service]) => mounts(service).map(({ volume }) => volume))
    expect([...new Set(mounted)].toSorted()).toEqual(Object.keys(volumes).toSorted())
  })

  it('holds no secret, and no address with a password in it', () => {
    const named = all.flatMap(([, { environment }]) =>
      Object.keys(environment).filter((key) => /PASS|PWD|SECRET|TOKEN/.test(key)),
    )
    expect(named.filter((key) => !key.endsWith('_FILE'))).toEqual([])
    expect(COMPOSE_TEXT).not.toMatch(/:\/\/[^/\s:@]+:[^/\s@]+@/)
  })

  it('names every image of others by its exact version', () => {
    expect(others.length).toBeGreaterThan(4)
    expect(others.filter(([, { image }]) => !/:\d+\.\d+(\.\d+)?(-[a-z]+)?$/.test(image))).toEqual([])
  })

  it('takes every right from containers of ours', () => {
    for (const [, service] of ours) {
      expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] })
    }
  })

  it('is what docker compose takes it for, where its plugin is', (context) => {
    const found = spawnSync('docker', ['compose', 'version'], { encoding: 'utf8' })
    if (found.status !== 0) return context.skip('docker compose is not installed')
    const config = execFileSync('docker', ['compose', '--file', COMPOSE_FILE, 'config', '--format', 'json'], {
      encoding: 'utf8',
    })
    const Told = z.object({
      services: z.record(
        z.string(),
        z.object({ image: z.string(), environment: z.record(z.string(), z.string()).nullish() }),
      ),
    })
    const told = Told.parse(JSON.parse(config)).services
    for (const [name, service] of all) {
      expect(told[name]?.image).toBe(service.image)
      expect(told[name]?.environment ?? {}).toEqual(service.environment)
    }
  })
})

describe('the Dockerfile', () => {
  const stages = readDockerfile()
  const rests = (instruction: string) =>
    stages.flatMap((stage) =>
      stage.lines
        .filter((line) => line.instruction === instruction)
        .map((line) => ({ stage: stage.name, rest: line.rest })),
    )

  it('begins with the Node that npm start runs on, on Debian 13', () => {
    expect(stages[0]?.from).toBe(`node:${manifest.dependencies['node']}-trixie-slim`)
    expect(stages.slice(1).filter(({ from }) => !stages.some(({ name }) => name === from))).toEqual([])
  })

  it('has the stages that docker-compose.yml builds, none of which ends as root', () => {
    const users = (name: string): string[] => {
      const stage = stages.find((one) => one.name === name)
      if (stage === undefined) return []
      return [
        ...users(stage.from),
        ...stage.lines.filter((line) => line.instruction === 'USER').map(({ rest }) => rest),
      ]
    }
    const targets = new Set(ours.map(([, { build }]) => build?.target ?? ''))
    expect(targets).toEqual(new Set(['mooring', 'mooring-test']))
    for (const target of targets) expect(users(target).at(-1)).toBe('1000:1000')
    // Those that share volumes with containers of ours are the same user.
    expect(new Set(others.flatMap(([, { user }]) => user ?? []))).toEqual(new Set(['1000:1000']))
  })

  it('copies what is there and what .dockerignore lets in', () => {
    const let_in = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1))
    const copied = rests('COPY')
      .filter(({ rest }) => !rest.startsWith('--from'))
      .flatMap(({ rest }) => rest.split(' ').slice(0, -1))
    expect(copied.length).toBeGreaterThan(5)
    for (const path of copied) {
      expect([path, existsSync(join(ROOT, path))]).toEqual([path, true])
      expect(let_in.some((one) => path === one || path.startsWith(`${one}/`))).toBe(true)
    }
    expect(rests('COPY').filter(({ stage, rest }) => stage === 'mooring' && rest.includes('sim'))).toEqual([])
  })

  it('installs production dependencies from the lockfile, and proves that uWebSockets.js loads', () => {
    const run = rests('RUN')
      .map(({ rest }) => rest)
      .join('\n')
    expect(run).toMatch(/npm ci --omit=dev --ignore-scripts/)
    expect(run).toContain(`node -e "require('uWebSockets.js')"`)
    expect(run).not.toMatch(/npm (install|i) /)
  })

  it('checks health by a file that is there, and begins the volumes of its user as its user’s', () => {
    const [check] = rests('HEALTHCHECK')
    expect(check?.rest).toContain('tools/container/healthy.mjs')
    const made = rests('RUN')
      .map(({ rest }) => rest)
      .filter((rest) => rest.includes('install --directory'))
      .join(' ')
      .split(/\s+/)
    const rooms = mounts(services['keys'] ?? expect.fail('there is no keys'))
    for (const { at } of rooms) expect(made).toContain(at.replace(/^\/rooms\//, ''))
    for (const [, service] of simulators) expect(made).toContain(service.environment['SIM_DATA'])
  })
})
