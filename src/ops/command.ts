import { parseArgs } from 'node:util'
import type { Sql } from '../ledger/index.ts'
import { OpsRefusal } from './refusal.ts'

/** Options that stand before a value, by their name; `--json`, `--data` and `--help` go with every command. */
const OPTIONS = {
  'as-of': '<time or position>',
  from: '<time or position>',
  to: '<time or position>',
  currency: '<code>',
  limit: '<lines>',
  after: '<position>',
  heads: '<file>',
} as const
export type OptionName = keyof typeof OPTIONS
type Given = Readonly<Partial<Record<OptionName, string>>>

export type Answer = {
  /** False: the books are not as they must be, and the command exits with 1. */
  ok: boolean
  /** For `--json`: snake_case, amounts and positions as decimal text, amounts in minor units. */
  json: object
  /** For people, line by line. */
  text: readonly string[]
}

/** Something an operator may ask. It reads and writes nothing. */
export type Command = {
  name: string
  /** What stands after the name, `<account>`; null where nothing does. */
  argument: string | null
  options: readonly OptionName[]
  /** For the usage, each line under 80 columns. */
  what: readonly string[]
  /** @throws OpsRefusal */
  ask(sql: Sql, argument: string, given: Given): Promise<Answer>
}

export type Line = {
  /** Null: the usage was asked for. */
  command: Command | null
  argument: string
  given: Given
  json: boolean
  /** Undefined where the option was not given. */
  data: string | undefined
}

/**
 * The words of a command line.
 *
 * @throws OpsRefusal for one that names no command, or gives it what it does not take
 */
export function readLine(args: readonly string[], commands: readonly Command[]): Line {
  const { values, positionals } = split(args)
  const { json, data, help, ...given } = values
  const words = positionals.slice(0, 2).join(' ')
  const command = commands.find(({ name }) => name === words) ?? null
  if (help === true) return { command: null, argument: '', given: {}, json: json === true, data }
  if (command === null) {
    const said = words === '' ? 'no command was given' : `there is no command "${words}"`
    throw new OpsRefusal('bad_usage', null, `${said}\n\n${usage(commands)}`)
  }
  const [argument = '', ...more] = positionals.slice(2)
  const expected = `expected npm run ops -- ${synopsis(command)}`
  if ((argument !== '') !== (command.argument !== null) || more.length > 0) {
    const wrong =
      argument === '' ? `${String(command.argument)} is missing` : `"${[argument, ...more].join(' ')}" is too much`
    throw new OpsRefusal('bad_usage', command.argument, `${wrong}; ${expected}`)
  }
  for (const name of Object.keys(given)) {
    if (command.options.some((option) => option === name)) continue
    throw new OpsRefusal('bad_usage', `--${name}`, `${command.name} does not take it; ${expected}`)
  }
  return { command, argument, given, json: json === true, data }
}

function split(args: readonly string[]) {
  const text = { type: 'string' } as const
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        data: text,
        'as-of': text,
        from: text,
        to: text,
        currency: text,
        limit: text,
        after: text,
        heads: text,
      },
    })
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new OpsRefusal('bad_usage', null, message, { cause: error })
  }
}

const synopsis = (command: Command): string =>
  [
    command.name,
    ...(command.argument === null ? [] : [command.argument]),
    ...command.options.map((name) => `[--${name} ${OPTIONS[name]}]`),
  ].join(' ')

export function usage(commands: readonly Command[]): string {
  return [
    'usage: npm run ops -- <command> [--json] [--data <dir>]',
    '',
    ...commands.flatMap((command) => [`  ${synopsis(command)}`, ...command.what.map((line) => `      ${line}`), '']),
    'A time is ISO 8601 with its zone (2026-11-30T21:00:00Z), a position the number of a transfer in history.',
    'Exits 0, or 1 where the books are broken, or 2 where the question could not be asked.',
  ].join('\n')
}
