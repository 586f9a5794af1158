import { z } from 'zod'

/**
 * What a command was told, as `read` makes it of its arguments. `--help` says how it is used and ends with 0. An argument
 * that there is not, or that is not as it should be, is named, the usage is shown, and it ends with 2.
 */
export function commandLine<T>(usage: string, read: (args: string[]) => T, args: string[] = process.argv.slice(2)): T {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(usage)
    process.exit(0)
  }
  try {
    return read(args)
  } catch (error) {
    console.error(`${wordsOf(error)}\n\n${usage}`)
    process.exit(2)
  }
}

/** A whole number as an option's text says it. */
export const wholeNumber = (least: number, most: number = Number.MAX_SAFE_INTEGER) =>
  z
    .string()
    .regex(/^\d+$/, 'expected a whole number')
    .transform(Number)
    .pipe(z.number().int().min(least, `expected at least ${least}`).max(most, `expected at most ${most}`))

/** Some of what there is, with commas between. */
export const someOf = <const N extends readonly [string, ...string[]]>(names: N) =>
  z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(names, `expected some of ${names.join(', ')}, with commas between`)))

function wordsOf(error: unknown): string {
  if (error instanceof z.ZodError)
    return error.issues.map(({ path, message }) => `--${String(path[0])}: ${message}`).join('\n')
  return error instanceof Error ? error.message : String(error)
}
