import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

/**
 * Reads a process's settings from its environment, once, at start. A missing or
 * ill-formed one stops the process with every fault named, not with the first.
 */
export function readEnv<S extends z.ZodType>(schema: S, env: NodeJS.ProcessEnv): z.infer<S> {
  const parsed = schema.safeParse(withFiles(env))
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map((issue) => `  ${issue.path.join('.') || '(environment)'}: ${issue.message}`)
  throw new Error(`The environment does not fit:\n${faults.join('\n')}`)
}

/**
 * Addresses that hold a password may lie in a file, which `<NAME>_FILE` names: whoever may list processes or
 * inspect a container sees its environment.
 */
export const MAY_BE_FILES = ['DATABASE_URL', 'NATS_URL'] as const

function withFiles(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const whole = { ...env }
  for (const name of MAY_BE_FILES) {
    const path = env[`${name}_FILE`]
    if (path === undefined) continue
    if (env[name] !== undefined) throw new Error(`${name} and ${name}_FILE are both set: unset one of them`)
    whole[name] = readFileSync(path, 'utf8').trimEnd()
  }
  return whole
}

/** What every process of ours needs. */
export const CommonEnv = z.object({
  MOORING_ENV: z.enum(['test', 'live']),
  /** Its name in logs, dev.json and metrics: `hub-0`. */
  MOORING_PROCESS: z.string().regex(/^[a-z0-9-]{1,32}$/),
  /** Private port for /healthz, /readyz and /metrics. */
  MOORING_PRIVATE_PORT: z.coerce.number().int().min(0).max(65_535),
  /** Directory of this role's keys and secrets (see tools/keys.ts for what each role has). */
  MOORING_KEYS: z.string().min(1),
  NATS_URL: z.string().min(1),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  /** Test only: a directory in which a test arms failpoints. */
  MOORING_FAILPOINTS: z.string().optional(),
})
export type CommonEnv = z.infer<typeof CommonEnv>

/** Minor units in an environment variable. */
export const EnvAmount = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,17})$/)
  .transform((text) => BigInt(text))

/** Exact origins of web pages, with commas between. */
export const EnvOrigins = z
  .string()
  .default('')
  .transform((text) => new Set(text.split(',').flatMap((one) => (one.trim() === '' ? [] : [one.trim()]))))

/** A secret or key file of this role, without its trailing newline. */
export function readKeyFile(dir: string, name: string): string {
  const path = join(dir, name)
  try {
    return readFileSync(path, 'utf8').trimEnd()
  } catch (cause) {
    throw new Error(
      `key file ${name} cannot be read from the keys directory; a process without its keys does not start`,
      { cause },
    )
  }
}
