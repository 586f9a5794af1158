import { z } from 'zod'
import { camara } from './camara/index.ts'
import type { Connector, ConnectorDeps } from './connector.ts'
import { gsma } from './gsma/index.ts'
import { iso20022 } from './iso20022/index.ts'
import type { BankRail, Rail } from './port.ts'

/** A connector is added here, by the name that stands in configuration and in the path of its callbacks. */
const CONNECTORS = { iso20022: made(iso20022), camara: made(camara), gsma: made(gsma) } as const

export type ConnectorName = keyof typeof CONNECTORS
export const CONNECTOR_NAMES = ['iso20022', 'camara', 'gsma'] as const satisfies readonly ConnectorName[]

const Entry = z.looseObject({
  /** In journals and account names; never changed once money has moved. */
  id: z.string().regex(/^[a-z][a-z0-9-]{1,30}$/, 'expected lower-case letters, digits and dashes'),
  connector: z.enum(CONNECTOR_NAMES),
  name: z.string().min(1).max(60),
})

/** `MOORING_RAILS`: a JSON list of rails, each with its connector's own settings beside `id`, `connector` and `name`. */
export const EnvRails = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text)
    } catch {
      context.addIssue({ code: 'custom', message: 'expected a JSON list of rails' })
      return z.NEVER
    }
  })
  .pipe(z.array(Entry).min(1))
export type RailSettings = z.infer<typeof Entry>

export type MadeRail = {
  id: string
  name: string
  connector: ConnectorName
  serves: Connector['serves']
  rail: Rail
  mandates?: BankRail
}

/** @throws with the entry's id and field where an entry is not as its connector wants it, or a credential is missing */
export function makeRails(
  settings: readonly RailSettings[],
  deps: Omit<ConnectorDeps, 'callbackUrl'> & { publicUrl: string },
): MadeRail[] {
  return settings.map(({ id, connector: name, name: title, ...own }) => {
    const { serves, make } = CONNECTORS[name]
    const callbackUrl = `${deps.publicUrl}/v1/rails/${name}/callbacks`
    try {
      return { id, name: title, connector: name, serves, ...make(own, id, { ...deps, callbackUrl }) }
    } catch (error) {
      throw new Error(`rail ${id}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    }
  })
}

/** The connector with its settings checked first. */
function made<Config>({ serves, config, make }: Connector<Config>) {
  return {
    serves,
    make: (own: object, id: string, deps: ConnectorDeps) => {
      const parsed = config.safeParse(own)
      if (!parsed.success) throw new Error(`MOORING_RAILS: ${z.prettifyError(parsed.error)}`)
      return make(parsed.data, id, deps)
    },
  }
}
