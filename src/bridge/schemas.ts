import { z } from 'zod'
import {
  CancelPaymentBody,
  CapturePaymentBody,
  CreatePaymentBody,
  CreateRefundBody,
  CreateStoreBody,
  EnrolmentAnswer,
  EnrolmentBody,
  MerchantPayment,
  NonceAnswer,
  PaymentList,
  Problem,
  RefundList,
  RefundView,
  SocketTokenAnswer,
  SocketTokenBody,
  StoreList,
  StoreView,
  TokenAnswer,
  TokenBody,
  VerifyEnrolmentAnswer,
  VerifyEnrolmentBody,
} from '../contract/index.ts'

/** The document's `components/schemas`, from the zod schemas that validate. */

export type JsonSchema = Record<string, unknown>

const REQUESTS = {
  CreatePayment: CreatePaymentBody,
  CreateRefund: CreateRefundBody,
  CapturePayment: CapturePaymentBody,
  CancelPayment: CancelPaymentBody,
  CreateStore: CreateStoreBody,
  CreateSocketToken: SocketTokenBody,
  Enrolment: EnrolmentBody,
  VerifyEnrolment: VerifyEnrolmentBody,
  Token: TokenBody,
}

const ANSWERS = {
  Payment: MerchantPayment,
  PaymentList,
  Refund: RefundView,
  RefundList,
  Store: StoreView,
  StoreList,
  SocketToken: SocketTokenAnswer,
  Nonce: NonceAnswer,
  EnrolmentBegun: EnrolmentAnswer,
  Enrolled: VerifyEnrolmentAnswer,
  AccessToken: TokenAnswer,
  Problem,
}

export type SchemaName = keyof typeof REQUESTS | keyof typeof ANSWERS

export function componentSchemas(): Record<string, JsonSchema> {
  return { ...named(REQUESTS, 'input'), ...named(ANSWERS, 'output') }
}

export function ref(name: SchemaName): JsonSchema {
  return { $ref: refOf(name) }
}

/** The query of a list as parameters. */
export function queryParameters(query: z.ZodType): JsonSchema[] {
  const { properties = {} } = z.toJSONSchema(query, { io: 'output' })
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', required: false, schema }))
}

/** One schema by itself, e.g. of a path's id. */
export function schemaOf(schema: z.ZodType): JsonSchema {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema)
  return rest
}

function refOf(name: string): string {
  return `#/components/schemas/${name}`
}

function named(schemas: Record<string, z.ZodType>, io: 'input' | 'output'): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>()
  for (const [id, schema] of Object.entries(schemas)) registry.add(schema, { id })
  const { schemas: generated } = z.toJSONSchema(registry, {
    io,
    uri: refOf,
    // Clients ignore fields they do not know, so an answer's schema allows them.
    override: ({ jsonSchema }) => {
      if (io === 'output' && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties
    },
  })
  return Object.fromEntries(
    Object.entries(generated).map(([name, { $schema: _dialect, $id: _address, ...schema }]) => [name, schema]),
  )
}
