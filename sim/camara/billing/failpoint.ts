import { existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Effect } from './entry.ts'

const Armed = z.strictObject({ amount: z.string().optional(), reference: z.string().optional() })

/**
 * `camara-booked`: a movement is durable and nobody has been told. A file of that name in SIM_FAILPOINTS, holding
 * `{"amount":"12345"}` (minor units), `{"reference":"…"}` or `{}`, is renamed to `camara-booked.fired`, and the
 * operator dies by SIGKILL.
 */
export function bookedFailpoint(directory: string | undefined): (effect: Effect) => void {
  const path = directory === undefined || directory === '' ? null : join(directory, 'camara-booked')
  return ({ amountMinor, reference }) => {
    if (path === null || !existsSync(path)) return
    const armed = Armed.parse(JSON.parse(readFileSync(path, 'utf8')))
    const meant = armed.amount ?? String(amountMinor)
    if (meant !== String(amountMinor) || (armed.reference ?? reference) !== reference) return
    renameSync(path, `${path}.fired`)
    process.kill(process.pid, 'SIGKILL')
  }
}
