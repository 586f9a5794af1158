import postgres from 'postgres'
import { z } from 'zod'
import type { Sql } from '../../../src/ledger/index.ts'

/** What a read costs as Postgres carries it out: each statement of it, by the rows it looked at. */

/** Postgres makes plans for the values at hand five times, and may then keep one for all values. */
const EXECUTIONS = 7

type Node = {
  'Node Type': string
  'Relation Name'?: string | undefined
  'Index Name'?: string | undefined
  'Actual Rows': number
  'Actual Loops': number
  'Rows Removed by Filter'?: number | undefined
  'Rows Removed by Index Recheck'?: number | undefined
  Plans?: Node[] | undefined
}

const Node: z.ZodType<Node> = z.looseObject({
  'Node Type': z.string(),
  'Relation Name': z.string().optional(),
  'Index Name': z.string().optional(),
  'Actual Rows': z.number(),
  'Actual Loops': z.number(),
  'Rows Removed by Filter': z.number().optional(),
  'Rows Removed by Index Recheck': z.number().optional(),
  get Plans() {
    return z.array(Node).optional()
  },
})
const Explained = z.array(z.object({ Plan: Node }))

/** `unindexed`: tables that were read from end to end. */
export type Cost = { rows: number; unindexed: string[] }

export type Noted = Awaited<ReturnType<typeof openNoted>>

/** A pool that knows what it was asked. */
export async function openNoted(url: string) {
  const asked: { statement: string; values: unknown[] }[] = []
  const sql: Sql = postgres(url, {
    max: 1,
    types: { bigint: postgres.BigInt },
    fetch_types: false,
    debug: (_connection, statement, values: unknown[]) => void asked.push({ statement, values }),
  })
  await sql`select 1`

  async function costOf({ statement, values }: (typeof asked)[number]): Promise<Cost> {
    const given = values.length === 0 ? '' : `(${values.map(literal).join(', ')})`
    await sql.unsafe(`prepare read as ${statement}`)
    let last: unknown
    for (let i = 0; i < EXECUTIONS; i++) {
      const [row] = await sql.unsafe(`explain (analyze, format json) execute read${given}`)
      last = row?.['QUERY PLAN']
    }
    await sql.unsafe('deallocate read')
    const scans = Explained.parse(last).flatMap(({ Plan }) => scansOf(Plan))
    return {
      rows: scans.reduce((sum, node) => sum + lookedAt(node), 0),
      unindexed: scans.flatMap((node) => (node['Node Type'] === 'Seq Scan' ? [node['Relation Name'] ?? ''] : [])),
    }
  }

  return {
    sql,
    /** What `read` costs over this pool, all its statements together. */
    async cost(read: () => Promise<unknown>): Promise<Cost> {
      asked.length = 0
      await read()
      const statements = [...asked]
      const costs: Cost[] = []
      for (const each of statements) costs.push(await costOf(each))
      return {
        rows: costs.reduce((sum, { rows }) => sum + rows, 0),
        unindexed: costs.flatMap(({ unindexed }) => unindexed),
      }
    },
    close: () => sql.end({ timeout: 1 }),
  }
}

const Value = z.union([z.string(), z.number(), z.bigint()]).nullable()

function literal(given: unknown): string {
  const value = Value.parse(given)
  return value === null ? 'null' : `'${String(value).replaceAll("'", "''")}'`
}

function scansOf(node: Node): Node[] {
  const below = (node.Plans ?? []).flatMap(scansOf)
  return node['Node Type'].endsWith('Scan') && node.Plans === undefined ? [node, ...below] : below
}

const lookedAt = (node: Node): number =>
  node['Actual Loops'] *
  (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0))
