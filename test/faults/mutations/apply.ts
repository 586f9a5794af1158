import type { Edit } from './list.ts'

/** The file's text with the edit made. @throws where what it changes is not there exactly once. */
export function mutated(text: string, { file, from, to }: Edit): string {
  const times = text.split(from).length - 1
  if (times !== 1) throw new Error(`${file} has ${times} times: ${from}`)
  return text.replace(from, () => to)
}
