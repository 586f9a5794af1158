import { existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const Armed = z.strictObject({ amount: z.string().optional() })

/**
 * `bank-booked`: a movement is durable and nobody has been told. A test arms it by a file of that name holding
 * `{"amount":"12345"}` (minor units) or `{}`; the bank renames it to `bank-booked.fired` and dies by SIGKILL.
 */
export function bookedFailpoint(directory: string | undefined): (amountMinor: bigint) => void {
  if (directory === undefined || directory === '') return () => {}
  const path = join(directory, 'bank-booked')
  return (amountMinor) => {
    if (!existsSync(path)) return
    const armed = Armed.parse(JSON.parse(readFileSync(path, 'utf8')))
    if (armed.amount !== undefined && armed.amount !== amountMinor.toString()) return
    renameSync(path, `${path}.fired`)
    process.kill(process.pid, 'SIGKILL')
  }
}
