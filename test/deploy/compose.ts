import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { ROOT } from '../../tools/paths.ts'

/** docker-compose.yml as it is written, its anchors followed; only what is used there is known here. */

const Text = z.union([z.string(), z.number(), z.boolean()]).transform(String)
const Words = z.union([z.string().transform((line) => line.split(' ')), z.array(Text)])

const Service = z.strictObject({
  image: z.string(),
  build: z.strictObject({ context: z.literal('.'), target: z.string() }).optional(),
  restart: z.enum(['no', 'unless-stopped']),
  user: z.string().optional(),
  read_only: z.boolean().optional(),
  tmpfs: z.array(z.string()).optional(),
  cap_drop: z.array(z.string()).optional(),
  security_opt: z.array(z.string()).optional(),
  depends_on: z
    .record(z.string(), z.strictObject({ condition: z.enum(['service_healthy', 'service_completed_successfully']) }))
    .default({}),
  entrypoint: Words.optional(),
  command: Words.default([]),
  environment: z.record(z.string(), Text).default({}),
  volumes: z.array(z.string()).default([]),
  ports: z.array(z.string()).default([]),
  networks: z.record(z.string(), z.strictObject({ aliases: z.array(z.string()) })).optional(),
  healthcheck: z
    .union([
      z.strictObject({ disable: z.literal(true) }),
      z.strictObject({
        test: z.array(z.string()),
        interval: z.string(),
        timeout: z.string(),
        retries: z.number(),
        start_period: z.string(),
      }),
    ])
    .optional(),
  shm_size: z.string().optional(),
  ulimits: z.record(z.string(), z.number()).optional(),
  stop_grace_period: z.string().optional(),
})
export type Service = z.infer<typeof Service>

const Compose = z.object({
  services: z.record(z.string(), Service),
  volumes: z.record(z.string(), z.null()),
})

export const COMPOSE_FILE = join(ROOT, 'docker-compose.yml')
export const COMPOSE_TEXT = readFileSync(COMPOSE_FILE, 'utf8')

export function readCompose(text = COMPOSE_TEXT): z.infer<typeof Compose> {
  return Compose.parse(parse(text, { merge: true }))
}

/** Of a service of ours: the file that its command has Node run. */
export const mainOf = ({ command }: Service): string => command.find((word) => /\.(ts|mjs)$/.test(word)) ?? ''

/** Volumes by where they are mounted. */
export function mounts({ volumes }: Service): { volume: string; at: string; readOnly: boolean }[] {
  return volumes.map((line) => {
    const [volume = '', at = '', mode] = line.split(':')
    return { volume, at, readOnly: mode === 'ro' }
  })
}

/** `127.0.0.1:7101:7100`: the host's port, and the container's. */
export function published({ ports }: Service): { host: string; outside: number; inside: number }[] {
  return ports.map((line) => {
    const [host = '', outside, inside] = line.split(':')
    return { host, outside: Number(outside), inside: Number(inside) }
  })
}

/** Ports it says it listens on. */
export function listens({ environment }: Service): number[] {
  const names = ['MOORING_PORT', 'SIM_PORT', 'SIM_CONTROL_PORT', 'TEMPORAL_UI_PORT']
  return names.flatMap((name) => (environment[name] === undefined ? [] : [Number(environment[name])]))
}

/** Dockerfile: its stages with their instructions, in order. */
export type Stage = { name: string; from: string; lines: { instruction: string; rest: string }[] }

export function readDockerfile(): Stage[] {
  const text = readFileSync(join(ROOT, 'Dockerfile'), 'utf8')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll('\\\n', ' ')
  const stages: Stage[] = []
  for (const line of text.split('\n')) {
    const [, instruction = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line.trim()) ?? []
    const [, from = '', name = ''] = instruction === 'FROM' ? (/^(\S+) AS (\S+)$/.exec(rest) ?? []) : []
    if (instruction === 'FROM') stages.push({ name, from, lines: [] })
    else if (instruction !== '') stages.at(-1)?.lines.push({ instruction, rest })
  }
  return stages
}
