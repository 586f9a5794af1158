import { fileURLToPath } from 'node:url'
import { join } from 'node:path'

/** The checkout this file belongs to. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')

/** Servers that were downloaded or built stay here, out of git and out of `npm run reset`. */
export const CACHE_BIN = join(ROOT, '.cache', 'bin')

/** What a person sees of progress; one line each. */
export type Say = (line: string) => void
