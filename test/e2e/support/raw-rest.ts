import { z } from 'zod'
import type { DevJson } from '../../../tools/dev-json.ts'
import type { Json } from './raw-key.ts'

export type Answer = { status: number; headers: Headers; text: string; json: Json }

const Body = z.record(z.string(), z.unknown())

type Call = { method?: string; headers?: Record<string, string>; body?: unknown }

/** One HTTP exchange; a string or bytes go out as they are, anything else as JSON. */
export async function http(url: string, { method, headers = {}, body }: Call = {}): Promise<Answer> {
  const raw = body === undefined || typeof body === 'string' || body instanceof Blob
  const response = await fetch(url, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: raw ? body : JSON.stringify(body) }),
  })
  const read = await response.text()
  const parsed = read.startsWith('{') ? Body.safeParse(JSON.parse(read)) : { data: undefined }
  return { status: response.status, headers: response.headers, text: read, json: parsed.data ?? {} }
}

/** What a JSON answer must hold; throws with the answer where it was refused. */
export function granted(answer: Answer): Json {
  if (answer.status >= 300) throw new Error(`${answer.status} ${answer.text}`)
  return answer.json
}

export function text(value: Json, field: string): string {
  return z.string().parse(value[field])
}

/** The lines of a simulator's control API list, as texts. */
async function control(sim: { control: string; control_token: string }, path: string): Promise<Json[]> {
  const answer = await http(`${sim.control}${path}`, { headers: { authorization: `Bearer ${sim.control_token}` } })
  return z.array(Body).parse(granted(answer)['data'])
}

/** What the bank's own book says of an account. */
export function bookOf(dev: DevJson, account: string): Promise<Json[]> {
  return control(dev.sim.bank, `/book?account=${account}`)
}

/** The six digits of the newest message to a phone. */
export async function otpOf(dev: DevJson, phone: string): Promise<string> {
  const [newest] = await control(dev.sim.camara, `/sms?phone=${encodeURIComponent(phone)}`)
  const otp = newest === undefined ? null : /\b\d{6}\b/.exec(text(newest, 'text'))
  if (otp === null) throw new Error(`no message with a password was sent to ${phone}`)
  return otp[0]
}
