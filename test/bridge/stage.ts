import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { Registry } from 'prom-client'
import { expect } from 'vitest'
import { z } from 'zod'
import { makeBridge } from '../../src/bridge/index.ts'
import { openApiDocument } from '../../src/bridge/openapi.ts'
import {
  ALL_COMMANDS,
  ALL_RAIL_CALLBACKS,
  connectBus,
  HUB_QUEUE,
  okReply,
  refusalReply,
  type HubReply,
  type HubRequest,
  type RailCallback,
  type RailCallbackReply,
} from '../../src/bus/index.ts'
import { EnvProxies } from '../../src/config/proxies.ts'
import type { ErrorCode } from '../../src/contract/index.ts'
import { makeIds } from '../../src/domain/ids.ts'
import { refuse, type Refusal } from '../../src/domain/refusal.ts'
import { makeLog } from '../../src/observe/log.ts'
import { natsUrlOf, startNats, type NatsAddress, type TestServer } from '../support/servers.ts'

/** A hub that answers what the test says, on the real bus, under the hub's own user. */
export type ScriptedHub = {
  /** Every request since the test last emptied it. */
  asked: { subject: string; request: HubRequest }[]
  /** `null` never answers. */
  answer: (request: HubRequest, subject: string) => HubReply | null | Promise<HubReply | null>
  callbacks: RailCallback[]
  verdict: RailCallbackReply['status']
  close(): Promise<void>
}

export async function scriptedHub(nats: NatsAddress): Promise<ScriptedHub> {
  const bus = await connectBus({ url: natsUrlOf(nats, 'hub'), name: 'scripted-hub' })
  const hub: ScriptedHub = {
    asked: [],
    answer: () => okReply({}),
    callbacks: [],
    verdict: 204,
    // Drained, so that the server knows at once that nobody listens.
    close: () => bus.drain(),
  }
  bus.subscribe(ALL_COMMANDS, {
    queue: HUB_QUEUE,
    callback: (_error, message) => {
      const request = message.json<HubRequest>()
      hub.asked.push({ subject: message.subject, request })
      void Promise.resolve(hub.answer(request, message.subject)).then((reply) => {
        if (reply !== null) message.respond(JSON.stringify(reply))
      })
    },
  })
  bus.subscribe(ALL_RAIL_CALLBACKS, {
    queue: HUB_QUEUE,
    callback: (_error, message) => {
      hub.callbacks.push(message.json<RailCallback>())
      message.respond(JSON.stringify({ status: hub.verdict }))
    },
  })
  await bus.flush()
  return hub
}

export type Answer = { status: number; headers: Headers; text: string; body: Record<string, unknown> }

export type Stage = {
  nats: TestServer<NatsAddress>
  hub: ScriptedHub
  url: string
  port: number
  /** Sends a request and checks the answer against the OpenAPI document. */
  call(method: string, path: string, init?: Init): Promise<Answer>
  close(): Promise<void>
}

type Init = { headers?: Record<string, string>; json?: unknown; raw?: string | Uint8Array<ArrayBuffer> }

/** The one page that may ask from a browser. */
export const PAGE_ORIGIN = 'https://wallet.example'

/** `monotonic`: a clock that a test holds, ms. */
type StageOptions = { caps?: 'on' | 'off'; proxies?: string; monotonic?: () => number }

export async function openStage(options: StageOptions = {}): Promise<Stage> {
  const nats = await startNats()
  const hub = await scriptedHub(nats)
  const bus = await connectBus({ url: natsUrlOf(nats, 'bridge'), name: 'bridge-test' })
  const { app } = makeBridge({
    bus,
    clock: { now: () => Date.now(), monotonic: options.monotonic ?? (() => performance.now()) },
    ids: makeIds(
      () => Date.now(),
      (bytes) => randomBytes(bytes),
    ),
    log: makeLog({ name: 'test', level: 'silent' }),
    registry: new Registry(),
    caps: options.caps ?? 'off',
    proxies: EnvProxies.parse(options.proxies),
    publicUrl: null,
    origins: new Set([PAGE_ORIGIN]),
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo // it listens on TCP
  const url = `http://127.0.0.1:${port}`
  const stage: Stage = {
    nats,
    hub,
    url,
    port,
    call: (method, path, init) => call(url, method, path, init),
    close: async () => {
      await app.close()
      await bus.close()
      await stage.hub.close()
      await nats.stop()
    },
  }
  return stage
}

const AnyObject = z.record(z.string(), z.unknown())

async function call(url: string, method: string, path: string, init: Init = {}): Promise<Answer> {
  const body = init.json === undefined ? init.raw : JSON.stringify(init.json)
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...init.headers },
    ...(body === undefined ? {} : { body }),
  })
  const text = await response.text()
  const isJson = (response.headers.get('content-type') ?? '').includes('json')
  const answer = {
    status: response.status,
    headers: response.headers,
    text,
    body: isJson ? AnyObject.parse(JSON.parse(text)) : {},
  }
  expect(response.headers.get('x-request-id')).toMatch(/^req_[0-9A-Za-z]{22}$/)
  expectDocumented(method, path, answer)
  return answer
}

const Documented = z.object({
  paths: z.record(z.string(), z.record(z.string(), z.object({ responses: z.record(z.string(), AnyObject) }))),
  components: z.object({ responses: z.record(z.string(), AnyObject), schemas: AnyObject }),
})
const Response = z.object({
  headers: AnyObject.optional(),
  content: z.record(z.string(), z.object({ schema: z.object({ $ref: z.string() }) })).optional(),
})

export const document = Documented.parse(openApiDocument())
const ajv = new Ajv2020({ strict: false })

/** The answer is one the document promises for this route: status, media type, headers and body. */
function expectDocumented(method: string, path: string, answer: Answer): void {
  const route = path.replace(/^\/v1/, '').replace(/\?.*$/, '')
  const operations = Object.entries(document.paths).find(([template]) => matches(template, route))?.[1]
  const operation = operations?.[method.toLowerCase()]
  if (operation === undefined || answer.status === 405) {
    if (answer.status >= 400) expectSchema('#/components/schemas/Problem', answer)
    return
  }
  const listed = operation.responses[answer.status]
  if (listed === undefined) throw new Error(`${method} ${route} does not document ${answer.status}: ${answer.text}`)
  const reference = z.object({ $ref: z.string() }).safeParse(listed)
  const name = reference.success ? reference.data.$ref.replace('#/components/responses/', '') : null
  const response = Response.parse(name === null ? listed : document.components.responses[name])
  const type = (answer.headers.get('content-type') ?? '').replace(/;.*$/, '')
  const content = response.content?.[type]
  if (content === undefined) throw new Error(`${method} ${route} ${answer.status} does not document ${type}`)
  expectSchema(content.schema.$ref, answer)
}

function expectSchema(reference: string, answer: Answer): void {
  const validate = ajv.compile({ $ref: reference, components: document.components })
  if (!validate(answer.body)) throw new Error(`${ajv.errorsText(validate.errors)} in ${answer.text}`)
  if (answer.status >= 400) {
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(answer.body.status).toBe(answer.status)
  }
}

function matches(template: string, route: string): boolean {
  return new RegExp(`^${template.replace(/\{[a-z]+\}/g, '[^/]+')}$`).test(route)
}

export const SECRET_KEY = `sk_test_${'k'.repeat(32)}`
export const merchantHeaders = (more: Record<string, string> = {}): Record<string, string> => ({
  authorization: `Bearer ${SECRET_KEY}`,
  'idempotency-key': 'k'.repeat(24),
  ...more,
})

export const PAYMENT = {
  id: 'pay_0000000000000000000001',
  kind: 'purchase',
  status: 'requires_confirmation',
  status_reason: null,
  version: 1,
  amount: '12345',
  currency: 'KES',
  fee: '185',
  refunded_amount: '0',
  captured_amount: '0',
  payer: null,
  payee: 'mer_0000000000000000000001',
  payee_name: 'Kahawa House',
  store: null,
  source: null,
  capture_method: 'automatic',
  order_ref: 'A-1001',
  description: null,
  failure: null,
  next_action: null,
  recovery: null,
  dispute: null,
  metadata: { z: '1', a: '2' },
  created_at: '2026-11-23T12:00:00.000Z',
  updated_at: '2026-11-23T12:00:00.000Z',
  expires_at: '2026-11-23T12:15:00.000Z',
  qr: { payload: '000201' },
}

export function refusing(code: ErrorCode, more: Omit<Refusal, 'code' | 'message'> = {}) {
  return (request: HubRequest): HubReply => refusalReply(refuse(code, 'Said by the test.', more), request.requestId)
}
