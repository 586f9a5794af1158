import { createHash } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import type { Sql } from './database.ts'

const DIRECTORY = new URL('./migrations/', import.meta.url)

/** One migrator at a time, whoever starts first. Any constant of ours will do. */
const LOCK = 7_215_001

/**
 * Applies the migrations this database has not seen, each in its own transaction,
 * in order of name; forward only. A file that changed after it was applied is an error.
 * `through` stops after the file that begins so: a database as an earlier release left it.
 */
export async function migrate(sql: Sql, options: { through?: string } = {}): Promise<string[]> {
  const { through } = options
  const files = (await readdir(DIRECTORY))
    .filter((name) => name.endsWith('.sql') && (through === undefined || name.slice(0, through.length) <= through))
    .toSorted()
  const applied: string[] = []
  for (const name of files) {
    const text = await readFile(new URL(name, DIRECTORY), 'utf8')
    const checksum = createHash('sha256').update(text).digest('hex')
    const fresh = await sql.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(${LOCK})`
      await tx`
        create table if not exists migrations (
          name text primary key, checksum text not null, at timestamptz not null default clock_timestamp())`
      const [before] = await tx<{ checksum: string }[]>`select checksum from migrations where name = ${name}`
      if (before?.checksum === checksum) return false
      if (before !== undefined) {
        throw new Error(`migration ${name} was changed after it was applied; write a new one instead`)
      }
      await tx.unsafe(text)
      await tx`insert into migrations (name, checksum) values (${name}, ${checksum})`
      return true
    })
    if (fresh) applied.push(name)
  }
  return applied
}
