import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { join } from 'node:path'
import { z } from 'zod'
import type { Service } from './command.ts'
import { OpsRefusal } from './refusal.ts'

/**
 * The ops service for one command: logs in, asks, logs out. There is one way to decide, the page's and the command
 * line's alike, so the service checks and writes down both.
 */

const TIMEOUT_MS = 15_000
const Refused = z.object({ error: z.object({ code: z.string(), message: z.string() }) })

export async function withService<T>(
  data: string | undefined,
  env: NodeJS.ProcessEnv,
  use: (service: Service) => Promise<T>,
): Promise<T> {
  const url = findService(data, env)
  const { name, password } = await operatorOf(env)
  const { token } = z
    .object({ token: z.string() })
    .parse(await request(url, 'POST', '/v1/login', null, { name, password }))
  try {
    return await use({
      get: (path) => request(url, 'GET', path, token),
      post: (path, body) => request(url, 'POST', path, token, body),
    })
  } finally {
    await request(url, 'POST', '/v1/logout', token, {})
  }
}

function findService(data: string | undefined, env: NodeJS.ProcessEnv): string {
  const fromEnv = env['MOORING_OPS_URL']
  if (data === undefined && fromEnv !== undefined && URL.canParse(fromEnv)) return fromEnv
  const dir = data ?? env['MOORING_DATA'] ?? '.data'
  try {
    const dev = z.object({ ops: z.object({ url: z.url() }) })
    return dev.parse(JSON.parse(readFileSync(join(dir, 'dev.json'), 'utf8'))).ops.url
  } catch (cause) {
    const message = `no Mooring runs on ${dir}: run npm start, name its directory with --data, or set MOORING_OPS_URL`
    throw new OpsRefusal('not_running', '--data', message, { cause })
  }
}

/** Who logs in. A password is never an argument: those are seen by everyone on the machine. */
async function operatorOf(env: NodeJS.ProcessEnv): Promise<{ name: string; password: string }> {
  const name = env['MOORING_OPERATOR'] ?? ''
  const password = env['MOORING_OPERATOR_PASSWORD'] ?? (await passwordFromInput())
  if (name !== '' && password !== '') return { name, password }
  const message =
    'set MOORING_OPERATOR to your name, and give your password on standard input or in MOORING_OPERATOR_PASSWORD'
  throw new OpsRefusal('login_needed', null, message)
}

/** Standard input up to its end, without the newline; nothing from a terminal, which would show it. */
export async function passwordFromInput(): Promise<string> {
  return process.stdin.isTTY ? '' : (await text(process.stdin)).replace(/\r?\n$/, '')
}

async function request(
  url: string,
  method: string,
  path: string,
  token: string | null,
  body?: object,
): Promise<unknown> {
  let response: Response
  let said: unknown
  try {
    response = await fetch(new URL(path, url), {
      method,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      redirect: 'error',
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    said = await response.json()
  } catch (cause) {
    const message = `the ops service at ${url} does not answer: see that it runs (npm start), then ask again`
    throw new OpsRefusal('service_away', null, message, { cause })
  }
  if (response.ok) return said
  const refused = Refused.safeParse(said)
  const words = refused.success
    ? `${refused.data.error.code}: ${refused.data.error.message}`
    : `HTTP ${String(response.status)}`
  throw new OpsRefusal('service_refused', null, words)
}
