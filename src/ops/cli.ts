import { openDatabase } from '../ledger/index.ts'
import { type Answer, type Line, readLine, usage } from './command.ts'
import { databaseRefusal, findDatabase } from './database.ts'
import { DESK_COMMANDS } from './commands/index.ts'
import { LEDGER_COMMANDS } from './ledger/index.ts'
import { OpsRefusal } from './refusal.ts'
import { withService } from './service-client.ts'

/**
 * `npm run ops -- <command>`: what operators ask of a running system. Exits 0, with 1 where the books are broken,
 * with 2 where the question could not be asked.
 */

const COMMANDS = [...LEDGER_COMMANDS, ...DESK_COMMANDS]

async function answer(line: Line): Promise<number> {
  const { command, argument, given, json, data } = line
  if (command === undefined) {
    console.log(usage(line.usageOf))
    return 0
  }
  const say = (said: Answer): number => {
    console.log(json ? asJson(said.json) : said.text.join('\n'))
    return said.ok ? 0 : 1
  }
  if ('call' in command) {
    return say(await withService(data, process.env, (service) => command.call(service, argument, given)))
  }
  const url = findDatabase(data, process.env, command.as)
  const sql = openDatabase({ url, name: 'ops', connections: 1 })
  try {
    return say(await command.ask(sql, argument, given))
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
const forScripts = args.includes('--json')
try {
  process.exitCode = await answer(readLine(args, COMMANDS))
} catch (error) {
  // A bug of ours is no word about the books either: 1 is kept for what is broken in them.
  const known = error instanceof OpsRefusal
  const refusal = known ? error : new OpsRefusal('internal', null, `this command failed: ${String(error)}`)
  const { code, option, message } = refusal
  console.error(forScripts ? asJson({ error: { code, option, message } }) : refusal.line)
  if (!known && !forScripts) console.error(error)
  process.exitCode = 2
}
