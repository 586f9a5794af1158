import { createHash } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import type { Sql } from './database.ts'

const DIRECTORY = new URL('./migrations/', import.meta.url)

/** One migrator at a time, whoever starts first. Any constant of ours will do. */
const LOCK = 7_215_001

/**
 * Applies the migrations this database has not seen, each in its own transaction,
 * in order of name; forward only. A file that changed after it was applied is an error.
 */
export async function migrate(sql: Sql): Promise<string[]> {
  const files = (await readdir(DIRECTORY)).filter((name) => name.endsWith('.sql')).toSorted()
  const applied: string[] = []
  // Reserving a connection that is still being opened never resolves where the client fetches no types: open it first.
  await sql`select 1`
  const connection = await sql.reserve()
  try {
    await connection`select pg_advisory_lock(${LOCK})`
    await connection`
      create table if not exists migrations (
        name text primary key, checksum text not null, at timestamptz not null default clock_timestamp())`
    const known = new Map(
      (await connection<{ name: string; checksum: string }[]>`select name, checksum from migrations`).map((row) => [
        row.name,
        row.checksum,
      ]),
    )
    for (const name of files) {
      const text = await readFile(new URL(name, DIRECTORY), 'utf8')
      const checksum = createHash('sha256').update(text).digest('hex')
      const before = known.get(name)
      if (before === checksum) continue
      if (before !== undefined)
        throw new Error(`migration ${name} was changed after it was applied; write a new one instead`)
      await connection.unsafe(
        `begin;\n${text}\n;insert into migrations (name, checksum) values ('${name}', '${checksum}');\ncommit`,
      )
      applied.push(name)
    }
  } finally {
    await connection`select pg_advisory_unlock(${LOCK})`.catch(() => {})
    connection.release()
  }
  return applied
}
