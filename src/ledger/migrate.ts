import { createHash } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import type { Sql } from './database.ts'

const HERE = new URL('./', import.meta.url)
/** Functions have no state to carry over: each is replaced whole whenever its file has changed, after all migrations. */
const FUNCTIONS = 'functions/'

/** One migrator at a time, whoever starts first. Any constant of ours will do. */
const LOCK = 7_215_001

/** What these applied has moved out of them, into `functions/`: databases that have seen the file as it was are right. */
const MOVED: Readonly<Record<string, string>> = {
  '0007_apply_units.sql': '50096cea5d9d4698c367de2763073fe6e876f03a1e95c0161f5453f55bd0ea04',
}

/**
 * Applies the migrations this database has not seen, each in its own transaction,
 * in order of name; forward only. A file that changed after it was applied is an error.
 * `through` stops after the file that begins so: a database as an earlier release left it.
 */
export async function migrate(sql: Sql, options: { through?: string } = {}): Promise<string[]> {
  const { through } = options
  const files = (await sqlFiles('migrations/')).filter(
    (name) => through === undefined || name.slice(0, through.length) <= through,
  )
  const functions = through === undefined ? await sqlFiles(FUNCTIONS) : []
  const applied: string[] = []
  for (const name of [...files, ...functions.map((file) => FUNCTIONS + file)]) {
    const text = await readFile(fileOf(name), 'utf8')
    const checksum = createHash('sha256').update(text).digest('hex')
    const fresh = await sql.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(${LOCK})`
      await tx`
        create table if not exists migrations (
          name text primary key, checksum text not null, at timestamptz not null default clock_timestamp())`
      const [before] = await tx<{ checksum: string }[]>`select checksum from migrations where name = ${name}`
      if (before?.checksum === checksum) return false
      if (before !== undefined && !name.startsWith(FUNCTIONS)) {
        if (before.checksum === MOVED[name]) return false
        throw new Error(`migration ${name} was changed after it was applied; write a new one instead`)
      }
      await tx.unsafe(text)
      await tx`
        insert into migrations (name, checksum) values (${name}, ${checksum})
        on conflict (name) do update set checksum = excluded.checksum, at = clock_timestamp()`
      return true
    })
    if (fresh) applied.push(name)
  }
  return applied
}

const fileOf = (name: string): URL => new URL(name.startsWith(FUNCTIONS) ? name : `migrations/${name}`, HERE)

async function sqlFiles(directory: string): Promise<string[]> {
  return (await readdir(new URL(directory, HERE))).filter((name) => name.endsWith('.sql')).toSorted()
}
