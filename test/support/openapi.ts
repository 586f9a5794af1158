import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv, type ValidateFunction } from 'ajv'
import { parse } from 'yaml'
import { z } from 'zod'

/** Schemas of a published OpenAPI 3.0 file of MOORING_SPECS, or of ../shared/specs; tests say so where it is not there. */

const SPECS = process.env['MOORING_SPECS'] ?? join(import.meta.dirname, '../../../shared/specs')
const Document = z.object({ components: z.object({ schemas: z.record(z.string(), z.unknown()) }) })
const ROOT = 'spec'

export type OpenApi = {
  /** Why there is nothing to validate against; null where there is. */
  missing: string | null
  /** What is wrong with a value of a schema; null where nothing is. */
  violation(schema: string, value: unknown): string | null
}

/** `file` below the specs' directory. */
export function openApi(file: string): OpenApi {
  const path = join(SPECS, file)
  if (!existsSync(path)) {
    const missing = `skipped: ${path} is not there`
    return {
      missing,
      violation: () => {
        throw new Error(missing)
      },
    }
  }
  const document: unknown = parse(readFileSync(path, 'utf8'))
  // Published patterns are not all of the `u` dialect.
  const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false, formats: FORMATS })
  ajv.addSchema({ components: { schemas: jsonSchema(Document.parse(document).components.schemas) } }, ROOT)
  const compiled = new Map<string, ValidateFunction>()
  return {
    missing: null,
    violation: (schema, value) => {
      const validate = compiled.get(schema) ?? ajv.compile({ $ref: `${ROOT}#/components/schemas/${schema}` })
      compiled.set(schema, validate)
      return validate(value) ? null : `${schema}: ${ajv.errorsText(validate.errors)}: ${JSON.stringify(value)}`
    },
  }
}

const FORMATS = {
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/,
  uri: (text: string) => URL.canParse(text),
  date: /^\d{4}-\d\d-\d\d$/,
  int32: true,
  int64: true,
  float: true,
  double: true,
} as const

/** OpenAPI 3.0 says `minimum` and `exclusiveMinimum: true` where JSON Schema says `exclusiveMinimum` alone. */
function jsonSchema(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(jsonSchema)
  if (typeof value !== 'object' || value === null) return value
  const members: Record<string, unknown> = {}
  for (const [name, member] of Object.entries(value)) members[name] = jsonSchema(member)
  for (const [flag, bound] of [
    ['exclusiveMinimum', 'minimum'],
    ['exclusiveMaximum', 'maximum'],
  ] as const) {
    if (typeof members[flag] !== 'boolean') continue
    const { [flag]: isExclusive, [bound]: limit, ...rest } = members
    return isExclusive === true ? { ...rest, [flag]: limit } : { ...rest, [bound]: limit }
  }
  return members
}
