import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** One way to break the product on purpose, and the tests that must notice. */
export type Mutation = {
  /** What the broken product does. */
  name: string
  /** Test files, the fewest that notice. */
  tests: readonly string[]
  edits: readonly Edit[]
}

/** `from` stands in the file exactly once, whatever the edits before it made of the file. */
export type Edit = { file: string; from: string; to: string }

/** Mutations of one place in this file, each noticed by this test. */
export const broken =
  (file: string, test: string) =>
  (name: string, from: string, to: string): Mutation => ({ name, tests: [test], edits: [{ file, from, to }] })

/** The file's text with the edit made. @throws where what it changes is not there exactly once. */
export function mutated(text: string, { file, from, to }: Edit): string {
  const times = text.split(from).length - 1
  if (times !== 1) throw new Error(`${file} has ${String(times)} times: ${from}`)
  return text.replace(from, () => to)
}

/** What each file that a mutation changes becomes, by its name. @throws as `mutated` does. */
export function mutatedFiles(root: string, { edits }: Mutation): Map<string, string> {
  const texts = new Map<string, string>()
  for (const edit of edits) {
    const text = texts.get(edit.file) ?? readFileSync(join(root, edit.file), 'utf8')
    texts.set(edit.file, mutated(text, edit))
  }
  return texts
}

/** Why these can no longer be tried, by the names of those that cannot: the product has changed under them. */
export function outdated(root: string, mutations: readonly Mutation[]): string[] {
  const names = mutations.map(({ name }) => name)
  return mutations.flatMap((mutation, i) => {
    const { name, tests, edits } = mutation
    const faults = [
      ...(names.indexOf(name) === i ? [] : ['the name is given twice']),
      ...tests.filter((test) => !existsSync(join(root, test))).map((test) => `there is no ${test}`),
      ...edits.filter(({ from, to }) => from === to).map(({ file }) => `an edit of ${file} changes nothing`),
    ]
    try {
      mutatedFiles(root, mutation)
    } catch (error) {
      faults.push(error instanceof Error ? error.message : String(error))
    }
    return faults.map((fault) => `"${name}": ${fault}`)
  })
}
