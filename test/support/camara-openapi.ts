import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv, type ValidateFunction } from 'ajv'
import { parse } from 'yaml'
import { z } from 'zod'

/** CAMARA's published OpenAPI files, of MOORING_SPECS or ../shared/specs, as something to hold calls against. */

const SPECS = process.env['MOORING_SPECS'] ?? join(import.meta.dirname, '../../../shared/specs')

const Node = z.record(z.string(), z.unknown())
const Content = z.object({ content: z.record(z.string(), z.object({ schema: z.unknown() })).optional() })
const Parameter = z.object({ name: z.string(), in: z.string() })
const Operation = z.object({
  requestBody: Content.optional(),
  parameters: z.array(Node).optional(),
  responses: z.record(z.string(), Node),
})
const Document = z.object({ paths: z.record(z.string(), Node), components: Node })

const FORMATS = {
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/,
  uri: (text: string) => URL.canParse(text),
  'uri-reference': (text: string) => URL.canParse(text, 'https://base.example'),
  float: true,
} as const

export const specsAreMissing = (): string | null => {
  const path = join(SPECS, 'camara', 'carrier-billing.yaml')
  return existsSync(path) ? null : `skipped: ${path} is not there`
}

export class CamaraApi {
  readonly #document: z.infer<typeof Document>
  readonly #base: string
  readonly #compiled = new Map<string, ValidateFunction>()
  // Amounts are multiples of 0.001, which binary fractions are not.
  readonly #ajv = new Ajv({
    strict: false,
    allErrors: true,
    unicodeRegExp: false,
    formats: FORMATS,
    multipleOfPrecision: 3,
  })

  /** `base`: the path that stands before those of the file. */
  constructor(file: string, base: string) {
    this.#document = Document.parse(parse(readFileSync(join(SPECS, 'camara', file), 'utf8')))
    this.#base = base
    this.#ajv.addSchema(this.#document, 'api')
  }

  /** What is wrong with a request by the file; null where nothing is. */
  requestFault(method: string, url: string, body: unknown): string | null {
    const { searchParams } = new URL(url, 'http://operator')
    const { operation } = this.#find(method, url)
    const known = (operation.parameters ?? []).map((one) => Parameter.parse(this.#resolved(one)))
    for (const name of searchParams.keys())
      if (!known.some((one) => one.in === 'query' && one.name === name)) return `no parameter ${name}`
    if (operation.requestBody === undefined) return body === undefined ? null : 'a body nobody asked for'
    return this.#fault(operation.requestBody.content?.['application/json']?.schema, body)
  }

  /** What is wrong with an answer by the file; null where nothing is, or where the file has no such status. */
  answerFault(method: string, url: string, status: number, body: unknown): string | null {
    const { operation, template } = this.#find(method, url)
    const response = operation.responses[String(status)]
    if (response === undefined) return `${method} ${template} has no status ${status}`
    const content = Content.parse(this.#resolved(response)).content
    if (content === undefined) return body === null ? null : `${status} has no body`
    return this.#fault(content['application/json']?.schema, body)
  }

  schemaFault(name: string, value: unknown): string | null {
    return this.#fault({ $ref: `#/components/schemas/${name}` }, value)
  }

  #find(method: string, url: string): { operation: z.infer<typeof Operation>; template: string } {
    const path = new URL(url, 'http://operator').pathname.slice(this.#base.length)
    const fits = (template: string) => new RegExp(`^${template.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`).test(path)
    // A path without parameters comes before one that has them: `/payments/prepare`.
    const templates = Object.keys(this.#document.paths).filter(fits)
    const template = templates.find((one) => one === path) ?? templates.toSorted((a, b) => b.length - a.length)[0]
    const found = template === undefined ? undefined : this.#document.paths[template]?.[method.toLowerCase()]
    if (template === undefined || found === undefined) throw new Error(`the file has no ${method} ${path}`)
    return { operation: Operation.parse(found), template }
  }

  #resolved(node: Record<string, unknown>): unknown {
    const { $ref } = node
    if (typeof $ref !== 'string') return node
    return $ref
      .slice(2)
      .split('/')
      .reduce<unknown>((inner, name) => Node.parse(inner)[name], this.#document)
  }

  #fault(schema: unknown, value: unknown): string | null {
    const text = JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"api#/')
    const validate = this.#compiled.get(text) ?? this.#ajv.compile(Node.parse(JSON.parse(text)))
    this.#compiled.set(text, validate)
    return validate(value) ? null : `${this.#ajv.errorsText(validate.errors)}: ${JSON.stringify(value)}`
  }
}
