import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { builtPages } from '../../tools/pages/built.ts'
import { ROOT } from '../../tools/paths.ts'
import { startChild, type Child } from '../../tools/process/child.ts'
import { startGuardian } from '../../tools/process/guardian.ts'
import { freePorts } from '../../tools/process/ports.ts'
import { lastLines, run } from '../../tools/process/run.ts'
import { acquire } from '../../tools/servers/acquire.ts'
import { nodeEnv, type Launch } from '../../tools/servers/launch.ts'
import { nodeForUws } from '../../tools/servers/newer-glibc.ts'
import {
  ensureCluster,
  findPostgres,
  postgresHome,
  postgresLaunch,
  wipeOutside,
} from '../../tools/servers/postgres/index.ts'
import { natsRecipe, temporalRecipe, temporalServerRecipe, temporalSqlRecipe } from '../../tools/servers/recipes.ts'
import { freePortsInARow, tempDir } from '../support/servers.ts'
import { listens, mainOf, published, readCompose, type Service } from './compose.ts'

/**
 * docker-compose.yml without containers: every service with its own command, environment and health check, in the
 * order of its conditions, on this machine. Only what a container gives is put in its place: names become loopback,
 * ports free ones, volumes directories. Temporal's UI is left out: there is no binary of it.
 */

const LEFT_OUT = new Set(['temporal-ui'])
const READY_MS = 120_000
const HEALTH_EVERY_MS = 250
/** Ports of servers, which their configurations name: of each service the port and what it is for. */
const SERVER_PORTS: Record<string, number[]> = { postgres: [5432], nats: [4222, 8222], temporal: [7233, 7243] }
/** What Temporal's own services take besides. */
const TEMPORAL_INSIDE = [
  'FRONTEND_MEMBERSHIP_PORT',
  'MATCHING_GRPC_PORT',
  'MATCHING_MEMBERSHIP_PORT',
  'HISTORY_GRPC_PORT',
  'HISTORY_MEMBERSHIP_PORT',
  'WORKER_GRPC_PORT',
  'WORKER_MEMBERSHIP_PORT',
]

const say = (line: string): void => void process.stderr.write(`${line}\n`)

export type Here = {
  /** Where a service's port of the file is on this machine. */
  port(service: string, inside: number): number
  /** Where the volumes of keys are, by role. */
  readonly keysDir: string
  /** What stands in one of them. */
  key(room: string, file: string): string
  log(service: string): string
  stop(): Promise<void>
}

export async function upHere(): Promise<Here> {
  const { services } = readCompose()
  const dir = tempDir('compose')
  const guardian = startGuardian()
  const children: [name: string, child: Child][] = []
  const ports = await localPorts(services)
  const place = makePlace(services, { dir, ports, pages: await builtPages(say) })
  const binaries = await Promise.all(
    [natsRecipe, temporalRecipe, temporalServerRecipe, temporalSqlRecipe].map((recipe) => acquire(recipe, say)),
  )
  const path = [...binaries.map((binary) => dirname(binary)), process.env['PATH']].join(delimiter)
  const uws = await nodeForUws(say)
  const logOf = (name: string) => join(dir, `${name}.log`)

  const serve = async (launch: Launch): Promise<void> => {
    const child = await startChild(launch, logOf(launch.name))
    children.unshift([launch.name, child])
    guardian.guard(
      [],
      children.map(([, { pid }]) => pid),
    )
    await child.untilReady()
  }

  const start = async (name: string, service: Service): Promise<void> => {
    if (name === 'postgres') return startPostgres()
    const environment = place.environment(name, service)
    const env = { ...nodeEnv(), PATH: path, ...environment }
    const words = place.words(name, [...(service.entrypoint ?? []), ...service.command])
    // The image of NATS begins its command with the server itself.
    const [command = '', ...args] = name === 'nats' ? [binaries[0] ?? '', ...words] : words
    const node = mainOf(service).endsWith('/edge.ts') ? uws : { command: process.execPath, args: [] }
    const whole = command === 'node' ? { command: node.command, args: [...node.args, ...args] } : { command, args }
    if (service.restart === 'no') {
      const done = await run(whole.command, whole.args, { cwd: ROOT, env, timeoutMs: READY_MS })
      writeFileSync(logOf(name), done.output)
      if (done.code !== 0) throw new Error(`${name} ended with code ${done.code}\n${lastLines(done.output, 12)}`)
      if (name === 'keys') place.settleKeys()
      return
    }
    await serve({
      name,
      ...whole,
      env,
      cwd: ROOT,
      stopSignal: 'SIGTERM',
      stopTimeoutMs: 20_000,
      readyTimeoutMs: READY_MS,
      isReady: async () => {
        const healthy = await isHealthy(service, environment, (text) => place.words(name, [text])[0] ?? '')
        if (!healthy) await delay(HEALTH_EVERY_MS)
        return healthy
      },
    })
  }

  /** The image of Postgres makes its cluster by itself; here the same is asked of the tools that tests have. */
  async function startPostgres(): Promise<void> {
    const home = await postgresHome(join(dir, 'data'), await findPostgres())
    const superuserPassword = readFileSync(join(dir, 'rooms/postgres/superuser.password'), 'utf8').trimEnd()
    await ensureCluster(home, { superuserPassword, durable: true })
    const launch = postgresLaunch(home, ports.get('postgres:5432') ?? 0)
    const settings = services['postgres']?.command.slice(1) ?? []
    await serve({ ...launch, args: [...launch.args, ...settings] })
  }

  const stop = async (): Promise<void> => {
    // In the order opposite to their start.
    for (const [, child] of children) await child.stop()
    wipeOutside(join(dir, 'data'))
    guardian.dismiss()
    await run('rm', ['-rf', dir])
  }

  const started = new Map<string, Promise<void>>()
  const bring = (name: string): Promise<void> => {
    const service = services[name]
    if (service === undefined) throw new Error(`there is no service ${name}`)
    const known = started.get(name)
    if (known !== undefined) return known
    const begun = Promise.all(Object.keys(service.depends_on).map(bring)).then(() => start(name, service))
    started.set(name, begun)
    return begun
  }
  try {
    await Promise.all(
      Object.keys(services)
        .filter((name) => !LEFT_OUT.has(name))
        .map(bring),
    )
  } catch (error) {
    await Promise.allSettled(started.values())
    await stop()
    throw error
  }
  return {
    port: (service, inside) => ports.get(`${service}:${inside}`) ?? 0,
    keysDir: join(dir, 'rooms'),
    key: (room, file) => readFileSync(join(dir, 'rooms', room, file), 'utf8').trimEnd(),
    log: (service) => readFileSync(logOf(service), 'utf8'),
    stop,
  }
}

/** By `service:port`. */
async function localPorts(services: Record<string, Service>): Promise<Map<string, number>> {
  const wanted = Object.entries(services).flatMap(([name, service]) => {
    const own = service.environment['MOORING_PRIVATE_PORT']
    const inside = [...(SERVER_PORTS[name] ?? []), ...listens(service), ...(own === undefined ? [] : [Number(own)])]
    return inside.map((port) => `${name}:${port}`)
  })
  const others = wanted.filter((name) => !name.startsWith('temporal:'))
  const temporal = wanted.filter((name) => name.startsWith('temporal:'))
  const inside = [...temporal, ...TEMPORAL_INSIDE.map((variable) => `temporal:${variable}`)]
  const [free, row] = await Promise.all([freePorts(others.length), freePortsInARow(inside.length)])
  const paired = (names: string[], given: number[]) => names.map((name, i) => [name, given[i] ?? 0] as const)
  return new Map([...paired(others, free), ...paired(inside, row)])
}

function makePlace(
  services: Record<string, Service>,
  { dir, ports, pages }: { dir: string; ports: Map<string, number>; pages: string },
) {
  const names = new Map<string, string>()
  for (const [name, service] of Object.entries(services)) {
    names.set(name, name)
    for (const { aliases } of Object.values(service.networks ?? {})) for (const alias of aliases) names.set(alias, name)
  }
  const outside = new Map(
    Object.entries(services).flatMap(([name, service]) =>
      published(service).map((port) => [port.outside, ports.get(`${name}:${port.inside}`)] as const),
    ),
  )
  const paths = (text: string, name: string) =>
    text
      .replaceAll('/run/mooring/', `${join(dir, 'rooms')}/`)
      .replaceAll(/(?<![\w./-])\/(vault|rooms)\b/g, (_all, part: string) => join(dir, part))
      .replaceAll('/app/pages', pages)
      .replaceAll('/data/sim', join(dir, 'volumes', name))
      .replaceAll('/data/jetstream', join(dir, 'volumes/jetstream'))
  const hosts = (text: string, name: string) =>
    text.replaceAll(/(?<![\w.-])([a-z][a-z0-9-]*|127\.0\.0\.1):(\d{4})\b/g, (all, host: string, port: string) => {
      const service = names.get(host)
      if (service === undefined) {
        const own = ports.get(`${name}:${port}`) ?? outside.get(Number(port))
        return own === undefined ? all : `127.0.0.1:${own}`
      }
      return `${service === 'sim-bank' ? 'localhost' : '127.0.0.1'}:${ports.get(`${service}:${port}`) ?? port}`
    })
  const local = (text: string, name: string) => hosts(paths(text, name), name)

  return {
    words: (name: string, words: readonly string[]) => words.map((word) => local(word.replaceAll('$$', '$'), name)),
    environment: (name: string, { environment }: Service): Record<string, string> => {
      mkdirSync(join(dir, 'volumes', name), { recursive: true })
      const entries = Object.entries(environment).map(([key, value]) => {
        if (/^(MOORING_PORT|MOORING_PRIVATE_PORT|SIM_PORT|SIM_CONTROL_PORT)$/.test(key))
          return [key, String(ports.get(`${name}:${value}`))]
        // The servers' addresses in two settings.
        if (value === 'postgres') return [key, '127.0.0.1']
        if (value === '5432') return [key, String(ports.get('postgres:5432'))]
        if (key === 'SIM_ALLOW_HTTP_HOSTS') return [key, '127.0.0.1']
        return [key, local(value, name)]
      })
      const inside = [
        ['FRONTEND_GRPC_PORT', ports.get('temporal:7233')],
        ['FRONTEND_HTTP_PORT', ports.get('temporal:7243')],
        ...TEMPORAL_INSIDE.map((variable) => [variable, ports.get(`temporal:${variable}`)]),
      ]
      const given = name === 'temporal' ? inside : name === 'hub-0' ? [['MOORING_CACHE', join(ROOT, '.cache')]] : []
      const whole: Record<string, string> = {}
      for (const [key, value] of [...entries, ...given]) whole[String(key)] = String(value)
      return whole
    },
    /** The addresses that were written into volumes. */
    settleKeys: () => {
      for (const room of readdirSync(join(dir, 'rooms'))) {
        for (const file of readdirSync(join(dir, 'rooms', room)).filter((one) => /\.(url|conf)$/.test(one))) {
          const path = join(dir, 'rooms', room, file)
          const text = local(readFileSync(path, 'utf8'), room).replaceAll(
            /@(postgres|nats):(\d+)/g,
            (_all, host, port) => `@127.0.0.1:${ports.get(`${host}:${port}`)}`,
          )
          writeFileSync(path, text.replace(/^port: 4222$/m, `port: ${ports.get('nats:4222')}`))
        }
      }
    },
  }
}

/** As its container is asked: ours by the image's check, others by the address that theirs names. */
async function isHealthy(service: Service, environment: Record<string, string>, local: (text: string) => string) {
  if (service.build !== undefined) {
    const check = await run(process.execPath, [join(ROOT, 'tools/container/healthy.mjs')], { env: environment })
    return check.code === 0
  }
  const asked =
    service.healthcheck !== undefined && 'test' in service.healthcheck ? service.healthcheck.test.at(-1) : ''
  try {
    const { ok } = await fetch(local(asked ?? ''), { signal: AbortSignal.timeout(2_000) })
    return ok
  } catch {
    return false
  }
}
