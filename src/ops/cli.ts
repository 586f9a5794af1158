import { openDatabase } from '../ledger/index.ts'
import { type Line, readLine, usage } from './command.ts'
import { databaseRefusal, findDatabase } from './database.ts'
import { LEDGER_COMMANDS } from './ledger/index.ts'
import { OpsRefusal } from './refusal.ts'

/**
 * `npm run ops -- <command>`: what operators ask of a running system. Exits 0, with 1 where the books are broken,
 * with 2 where the question could not be asked.
 */

const COMMANDS = LEDGER_COMMANDS

async function answer(line: Line): Promise<number> {
  const { command, argument, given, json, data } = line
  if (command === null) {
    console.log(usage(COMMANDS))
    return 0
  }
  const url = findDatabase(data, process.env)
  const sql = openDatabase({ url, name: 'ops', connections: 1 })
  try {
    const said = await command.ask(sql, argument, given)
    console.log(json ? asJson(said.json) : said.text.join('\n'))
    return said.ok ? 0 : 1
  } catch (error) {
    throw databaseRefusal(error, url) ?? error
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** bigint has no JSON of its own: decimal text, as on every wire of ours. */
function asJson(value: object): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? each.toString() : each), 2)
}

// A reader that has seen enough (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit()
  throw error
})

const args = process.argv.slice(2)
try {
  process.exitCode = await answer(readLine(args, COMMANDS))
} catch (error) {
  if (!(error instanceof OpsRefusal)) throw error
  const { code, option, message } = error
  console.error(args.includes('--json') ? asJson({ error: { code, option, message } }) : error.line)
  process.exitCode = 2
}
