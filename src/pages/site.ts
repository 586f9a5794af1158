import { readdirSync, readFileSync } from 'node:fs'
import { extname, join, relative, sep } from 'node:path'

/** A built page's files, by their path below the page's folder. */
export type Site = ReadonlyMap<string, { type: string; body: Buffer; forever: boolean }>

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webmanifest': 'application/manifest+json',
}

/** Of a file with its content's hash in its name: it never changes. */
const HASHED = /^assets\/.+-[\w-]{8}\.\w+$/

/** Reads a built page whole: a handful of small files, and no path from outside ever meets the disk. */
export function readSite(dir: string): Site {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return new Map(
    files.map((entry) => {
      const file = join(entry.parentPath, entry.name)
      const path = relative(dir, file).split(sep).join('/')
      const type = TYPES[extname(path)] ?? 'application/octet-stream'
      return [path, { type, body: readFileSync(file), forever: HASHED.test(path) }]
    }),
  )
}
