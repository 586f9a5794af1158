import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { basename } from 'node:path'

export const LOOPBACK = '127.0.0.1'

export type PortOwner = { pid: number; command: string }

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ port, host: LOOPBACK, exclusive: true }, () => resolve(server))
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}

export async function isPortFree(port: number): Promise<boolean> {
  try {
    await close(await listen(port))
    return true
  } catch {
    return false
  }
}

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not a listening TCP server')
  return address.port
}

/** Ports that are free now, all different. Another process may still take one before it is used. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listen(0)))
  const ports = servers.map(portOf)
  await Promise.all(servers.map(close))
  return ports
}

const LISTENING = '0A'
const COMMAND_CHARS = 100

/** Inodes of sockets that listen on this port: columns 2 (local address), 4 (state) and 10 (inode) of proc_net_tcp. */
export function listeningInodes(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const inodes: string[] = []
  for (const line of table.split('\n').slice(1)) {
    const columns = line.trim().split(/\s+/)
    const inode = columns[9]
    if (columns[1]?.endsWith(suffix) && columns[3] === LISTENING && inode !== undefined) inodes.push(inode)
  }
  return inodes
}

function orEmpty<T>(read: () => T, empty: T): T {
  try {
    return read()
  } catch {
    return empty
  }
}

/** The program and its first argument: `node src/proc/edge.ts` says more than the name of a thread. */
function commandOf(pid: string): string {
  const args = orEmpty(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'), '').split('\0')
  const [program = '', ...rest] = args.filter((arg) => arg !== '')
  const script = rest.find((arg) => !arg.startsWith('-'))
  return [basename(program) || '?', ...(script === undefined ? [] : [script])].join(' ').slice(0, COMMAND_CHARS)
}

function linuxOwner(port: number): PortOwner | undefined {
  const inodes = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((path) =>
    listeningInodes(
      orEmpty(() => readFileSync(path, 'utf8'), ''),
      port,
    ),
  )
  if (inodes.length === 0) return undefined
  const wanted = new Set(inodes.map((inode) => `socket:[${inode}]`))
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    for (const fd of orEmpty(() => readdirSync(`/proc/${entry}/fd`), [])) {
      if (!wanted.has(orEmpty(() => readlinkSync(`/proc/${entry}/fd/${fd}`), ''))) continue
      return { pid: Number(entry), command: commandOf(entry) }
    }
  }
  return undefined
}

/** Who listens on a port, where the system tells; undefined where it does not, or the owner is another user's. */
export function portOwner(port: number): PortOwner | undefined {
  if (process.platform === 'linux') return orEmpty(() => linuxOwner(port), undefined)
  const text = orEmpty(
    () => execFileSync('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc'], { encoding: 'utf8' }),
    '',
  )
  const pid = /^p(\d+)$/m.exec(text)?.[1]
  return pid === undefined ? undefined : { pid: Number(pid), command: /^c(.+)$/m.exec(text)?.[1] ?? '?' }
}

/** `port 7432 (Postgres) is taken by postgres, pid 1234` for each that is taken; empty where all are free. */
export async function takenPorts(wanted: { what: string; port: number }[]): Promise<string[]> {
  const lines = await Promise.all(
    wanted.map(async ({ what, port }) => {
      if (await isPortFree(port)) return undefined
      const owner = portOwner(port)
      const by =
        owner === undefined ? 'by a process that cannot be seen from here' : `by ${owner.command}, pid ${owner.pid}`
      return `port ${port} (${what}) is taken ${by}`
    }),
  )
  return lines.filter((line) => line !== undefined)
}
