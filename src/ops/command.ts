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
  head: '<hash>',
  person: '<number>',
  action: '<action>',
  reason: '<text>',
  evidence: '<hash>',
} as const
export type OptionName = keyof typeof OPTIONS
export type Given = Readonly<Partial<Record<OptionName, string>>>

export type Answer = {
  /** False: books or log are not as they must be, and the command exits with 1. */
  ok: boolean
  /** For `--json`: snake_case, amounts and positions as decimal text, amounts in minor units. */
  json: object
  /** For people, line by line. */
  text: readonly string[]
}

/** Something an operator may ask. What asks the database as mooring_ops reads and writes nothing. */
export type Command = {
  /** One word or two. */
  name: string
  /** What stands after the name, `<account>`; null where nothing does. */
  argument: string | null
  options: readonly OptionName[]
  /** For the usage, each line under 80 columns. */
  what: readonly string[]
} & Asks

type Asks =
  | {
      /** As whom the database is asked; mooring_ops where nothing is said. */
      as?: 'mooring_owner'
      /** @throws OpsRefusal */
      ask(sql: Sql, argument: string, given: Given): Promise<Answer>
    }
  | {
      /** Asks the ops service, as the operator who logs in. @throws OpsRefusal */
      call(service: Service, argument: string, given: Given): Promise<Answer>
    }

/** The ops service's JSON API, logged in. @throws OpsRefusal with the service's own code and words. */
export type Service = { get(path: string): Promise<unknown>; post(path: string, body: object): Promise<unknown> }

export type Line = {
  /** Undefined: the usage was asked for, which is of these. */
  command: Command | undefined
  usageOf: readonly Command[]
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
  const { words, switches, values } = split(args)
  const { data, ...given } = values
  const name = words.slice(0, 2).join(' ')
  const command = commands.find((each) => each.name === name) ?? commands.find((each) => each.name === (words[0] ?? ''))
  const line = { usageOf: command === undefined ? commands : [command], given, json: switches.has('json'), data }
  if (switches.has('help')) return { ...line, command: undefined, argument: '' }
  if (command === undefined) {
    const said = name === '' ? 'no command was given' : `there is no command "${name}"`
    throw new OpsRefusal('bad_usage', null, `${said}\n\n${usage(commands)}`)
  }
  const [argument = '', ...more] = words.slice(command.name.split(' ').length)
  const expected = `expected npm run ops -- ${synopsis(command)}`
  if ((argument !== '') !== (command.argument !== null) || more.length > 0) {
    const wrong =
      argument === '' ? `${String(command.argument)} is missing` : `"${[argument, ...more].join(' ')}" is too much`
    throw new OpsRefusal('bad_usage', command.argument, `${wrong}; ${expected}`)
  }
  for (const option of Object.keys(given)) {
    if (command.options.some((taken) => taken === option)) continue
    throw new OpsRefusal('bad_usage', `--${option}`, `${command.name} does not take it; ${expected}`)
  }
  return { ...line, command, argument }
}

type Switch = 'json' | 'help'
type Valued = OptionName | 'data'
const isValued = (name: string): name is Valued => name === 'data' || Object.hasOwn(OPTIONS, name)

/** @throws OpsRefusal naming an option that there is not, stands twice, or lacks its value or has one too many */
function split(args: readonly string[]) {
  const text = { type: 'string' } as const
  const { tokens, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    strict: false,
    tokens: true,
    options: {
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
      data: text,
      ...Object.fromEntries(Object.keys(OPTIONS).map((name) => [name, text])),
    },
  })
  const switches = new Set<Switch>()
  const values: Partial<Record<Valued, string>> = {}
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    const { name, rawName, value } = token
    const wrong = (why: string): OpsRefusal => new OpsRefusal('bad_usage', rawName, why)
    if (name === 'json' || name === 'help') {
      if (value !== undefined) throw wrong(`it takes no value, and was given "${value}"`)
      switches.add(name)
    } else if (isValued(name)) {
      const expected = name === 'data' ? '<dir>' : OPTIONS[name]
      // An option in the place of a value: the value was left out.
      const given = value === undefined || (!token.inlineValue && value.startsWith('--')) ? '' : value
      if (given === '') throw wrong(`its value is missing; expected ${rawName} ${expected}`)
      if (values[name] !== undefined) throw wrong('it is given twice; expected it once')
      values[name] = given
    } else {
      const known = ['json', 'help', 'data', ...Object.keys(OPTIONS)].map((each) => `--${each}`).join(', ')
      throw wrong(`there is no such option; expected one of ${known}`)
    }
  }
  return { words: positionals, switches, values }
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
