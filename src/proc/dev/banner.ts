import { relative } from 'node:path'
import type { DevJson } from '../../../tools/dev-json.ts'
import { ROOT } from '../../../tools/paths.ts'

/** The one table that tells where everything is, and what to try. */
export function banner(
  dev: Omit<DevJson, 'pids'>,
  options: { dataDir: string; caps: boolean; readyInMs: number },
): string {
  const data = relative(ROOT, options.dataDir)
  const dataName = data === '' || data.startsWith('..') ? options.dataDir : data
  const withData = data === '.data' ? '' : ` MOORING_DATA=${dataName}`
  const rows: [string, string][] = [
    ...dev.edge.map((url, index): [string, string] => [`edge-${index}`, url]),
    ['bridge', dev.bridge],
    ['API', `${dev.bridge}/openapi.json`],
    ['wallet page', dev.pages.wallet],
    [
      'ops page',
      `${dev.ops.url}   operators ${dev.ops.operators.map(({ name }) => name).join(', ')}: passwords in dev.json`,
    ],
    ...(dev.temporal.ui === undefined ? [] : [['Temporal UI', dev.temporal.ui] satisfies [string, string]]),
    ['Temporal', dev.temporal.address],
    ['Postgres', withoutPassword(dev.database)],
    ['NATS', withoutPassword(dev.nats)],
    ['bank simulator', `${dev.sim.bank.url}   control ${dev.sim.bank.control}`],
    ['operator simulator', `${dev.sim.camara.url}   control ${dev.sim.camara.control}`],
    ['money simulator', `${dev.sim.gsma.url}   control ${dev.sim.gsma.control}`],
    ['data, keys, logs', dataName],
    ['addresses, secrets', `${dataName}/dev.json`],
  ]
  const width = Math.max(...rows.map(([what]) => what.length))
  return [
    `Mooring is ready after ${(options.readyInMs / 1000).toFixed(1)} s.`,
    '',
    ...rows.map(([what, where]) => `  ${what.padEnd(width)}  ${where}`),
    '',
    options.caps
      ? '  Caps per address are kept (--caps).'
      : '  For loopback only, lifted: caps on enrolments and connections per address, the SMS budget and the low\n' +
        '  limits after a new device. npm start -- --caps keeps them.',
    '',
    '  Try, in another terminal:',
    `   ${withData} npm run demo                  a phone enrols and pays, each live status with its time`,
    `   ${withData} npm run ops -- ledger audit   the books, proved`,
    '  Ctrl-C drains and stops all of it; the next start continues with the same data.',
  ].join('\n')
}

function withoutPassword(address: string): string {
  const url = new URL(address)
  url.password = ''
  return url.href
}
