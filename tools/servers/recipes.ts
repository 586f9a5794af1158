import { join } from 'node:path'
import { ROOT } from '../paths.ts'
import { isAtLeast, versionAfter, type Recipe } from './recipe.ts'

const NATS = '2.15.2'
const TEMPORAL_CLI = '1.8.2'
const TEMPORAL_SERVER = '1.31.2'

export const natsRecipe: Recipe = {
  binary: 'nats-server',
  title: 'NATS',
  versionArgs: ['--version'],
  accepts: (output) => isAtLeast(versionAfter(/v/, output), 2, 12),
  needs: 'nats-server 2.12 or newer',
  addressVariable: 'NATS_URL',
  release: {
    archive: ({ os, arch }) => `nats-server-v${NATS}-${os}-${arch}.tar.gz`,
    url: (file) => `https://github.com/nats-io/nats-server/releases/download/v${NATS}/${file}`,
    checksums: 'SHA256SUMS',
  },
  build: {
    goArgs: () => ['install', '-trimpath', '-ldflags=-s -w', `github.com/nats-io/nats-server/v2@v${NATS}`],
    minimumGo: '1.25',
    takes: 'about half a minute',
  },
}

export const temporalRecipe: Recipe = {
  binary: 'temporal',
  title: 'Temporal',
  versionArgs: ['--version'],
  accepts: (output) => isAtLeast(versionAfter(/Server /, output), 1, 31),
  needs: 'the temporal CLI with server 1.31 or newer',
  addressVariable: 'TEMPORAL_ADDRESS',
  release: {
    archive: ({ os, arch }) => `temporal_cli_${TEMPORAL_CLI}_${os}_${arch}.tar.gz`,
    url: (file) => `https://github.com/temporalio/cli/releases/download/v${TEMPORAL_CLI}/${file}`,
    checksums: 'checksums.txt',
  },
  build: {
    // A Go module of its own pins every dependency by the go.sum beside it.
    goArgs: () => ['install', '-trimpath', '-ldflags=-s -w', 'github.com/temporalio/cli/cmd/temporal'],
    cwd: join(ROOT, 'tools', 'temporal'),
    minimumGo: '1.26.4',
    takes: 'about 3 minutes the first time',
  },
}

/** The two programs of a Temporal server release, built from a Go module of its own like the CLI. */
function serverRecipe(of: { binary: string; title: string; command: string; accepts: Recipe['accepts'] }): Recipe {
  return {
    binary: of.binary,
    title: of.title,
    versionArgs: ['--version'],
    accepts: of.accepts,
    needs: `${of.binary} of Temporal server 1.31 or newer`,
    addressVariable: 'TEMPORAL_ADDRESS',
    release: {
      archive: ({ os, arch }) => `temporal_${TEMPORAL_SERVER}_${os}_${arch}.tar.gz`,
      url: (file) => `https://github.com/temporalio/temporal/releases/download/v${TEMPORAL_SERVER}/${file}`,
      checksums: 'checksums.txt',
    },
    build: {
      goArgs: (outDir) => ['build', '-trimpath', '-ldflags=-s -w', '-o', join(outDir, of.binary), of.command],
      cwd: join(ROOT, 'tools', 'temporal-server'),
      minimumGo: '1.26.4',
      takes: 'about 2 minutes the first time',
    },
  }
}

/** Temporal as production runs it, with its data in Postgres: what a bench measures beside the development server. */
export const temporalServerRecipe = serverRecipe({
  binary: 'temporal-server',
  title: 'Temporal server',
  command: 'go.temporal.io/server/cmd/server',
  accepts: (output) => isAtLeast(versionAfter(/version /, output), 1, 31),
})

/** Makes and upgrades the schema of such a server. */
export const temporalSqlRecipe = serverRecipe({
  binary: 'temporal-sql-tool',
  title: "Temporal's SQL tool",
  command: 'go.temporal.io/server/cmd/tools/sql',
  accepts: (output) => isAtLeast(versionAfter(/version /, output), 1, 31),
})
