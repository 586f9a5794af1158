import { join } from 'node:path'
import { ROOT } from '../paths.ts'
import { isAtLeast, versionAfter, type Recipe } from './recipe.ts'

const NATS = '2.15.2'
const TEMPORAL_CLI = '1.8.2'

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
