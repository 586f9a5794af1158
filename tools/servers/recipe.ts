/** How one server binary is had: what is pinned, what else will do, and where to get it. */
export type Recipe = {
  /** Name of the executable, on PATH and in the cache. */
  binary: string
  title: string
  versionArgs: string[]
  /** Whether what `<binary> <versionArgs>` prints is a version Mooring runs on. */
  accepts: (versionOutput: string) => boolean
  /** In words, for the error message. */
  needs: string
  /** Environment variable with the address of one that runs already. */
  addressVariable: string
  release: {
    archive: (platform: ReleasePlatform) => string
    url: (file: string) => string
    /** The release's own list of SHA-256 sums. */
    checksums: string
  }
  build: {
    /** Arguments of `go` that leave the executable at `out`. */
    goArgs: (outDir: string) => string[]
    cwd?: string
    minimumGo: string
    takes: string
  }
}

export type ReleasePlatform = { os: 'linux' | 'darwin'; arch: 'amd64' | 'arm64' }

export function releasePlatform(): ReleasePlatform | undefined {
  const os = process.platform
  const arch = process.arch === 'x64' ? 'amd64' : process.arch
  if ((os !== 'linux' && os !== 'darwin') || (arch !== 'amd64' && arch !== 'arm64')) return undefined
  return { os, arch }
}

/** `[1, 31, 2]` of the first version that follows `label`; undefined where there is none. */
export function versionAfter(label: RegExp, text: string): [number, number, number] | undefined {
  const match = new RegExp(`${label.source}(\\d+)\\.(\\d+)(?:\\.(\\d+))?`).exec(text)
  if (match === null) return undefined
  return [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)]
}

/** Same major, and at least this minor. */
export function isAtLeast(version: [number, number, number] | undefined, major: number, minor: number): boolean {
  return version !== undefined && version[0] === major && version[1] >= minor
}
