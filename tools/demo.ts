/**
 * `npm run demo`: against a running `npm start`, phones enrol and pay in every
 * way there is, each live status with its time. It ends with 0 only if every
 * state, balance, merchant's view and line of a rail's book is as it should
 * be, also while any one process is killed.
 */
import { parseArgs } from 'node:util'
import { commandLine } from './command-line.ts'
import { Patience, Surprise } from './demo/patience.ts'
import { asSurprise, type Phone } from './demo/phone.ts'
import { bad, good, line } from './demo/screen.ts'
import { NotRunning, Stack } from './demo/stack.ts'
import { story } from './demo/story.ts'

const DEADLINE_S = 180

const USAGE = `npm run demo -- [options]
  --data <dir>   of a running npm start   MOORING_DATA   .data`

async function main(): Promise<void> {
  const started = performance.now()
  const { data } = commandLine(USAGE, (args) => parseArgs({ args, options: { data: { type: 'string' } } }).values)
  const stack = await Stack.find(data, process.env)
  line('Mooring', `${stack.dev.bridge}  ${stack.dev.edge.join(' ')}`)
  if (stack.dev.temporal.ui !== undefined)
    line('Temporal', `${stack.dev.temporal.ui}  each payment is a workflow by its id`)
  const phones: Phone[] = []
  try {
    const { payments, refunds } = await story(stack, new Patience(DEADLINE_S), phones)
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    good(`All ${payments} payments and ${refunds} refunds ended as they should, on every side (${seconds} s).`)
  } finally {
    for (const { client } of phones) await client.close()
  }
}

try {
  await main()
} catch (error) {
  if (error instanceof NotRunning) console.error(error.message)
  else {
    bad(asSurprise('Something unforeseen happened', error).message)
    if (!(error instanceof Surprise)) console.error(error)
  }
  process.exit(1)
}
