import type { SourceType } from '../contract/names.ts'
import type { BankRail, Rail, RailProfile } from '../rails/port.ts'

/** A rail as this deployment has it: what it is called, which sources it serves, and its connector. */
export type RailEntry = {
  /** In journals, account names and metrics: `demo-bank`. Never changes. */
  id: string
  name: string
  /** Which connector speaks to it, and so where its callbacks arrive: `/v1/rails/<connector>/callbacks`. */
  connector: string
  serves: readonly Exclude<SourceType, 'wallet'>[]
  rail: Rail
  /** Where accounts are linked under a mandate. */
  mandates?: BankRail
}

/** Every rail of this deployment. */
export type RailBook = {
  readonly entries: readonly RailEntry[]
  readonly rails: ReadonlyMap<string, Rail>
  get(id: string): RailEntry | undefined
  /** The first that serves this kind of source. */
  serving(source: Exclude<SourceType, 'wallet'>): RailEntry | undefined
  profile(id: string): RailProfile
}

export function makeRailBook(entries: readonly RailEntry[]): RailBook {
  const byId = new Map(entries.map((entry) => [entry.id, entry]))
  if (byId.size !== entries.length) throw new Error('two rails have the same id')
  return {
    entries,
    rails: new Map(entries.map(({ id, rail }) => [id, rail])),
    get: (id) => byId.get(id),
    serving: (source) => entries.find(({ serves }) => serves.includes(source)),
    profile(id) {
      const entry = byId.get(id)
      if (entry === undefined) throw new Error(`no rail ${id} is configured`)
      return entry.rail.profile
    },
  }
}
