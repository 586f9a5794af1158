import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { KeyRing } from '../../codec/index.ts'
import {
  CODE_SECRET_BYTES,
  CODE_STEP_S,
  codeDigits,
  codeMessage,
  codeStep,
  readCode,
} from '../../domain/customer-code.ts'
import { type Clock, timestamp } from '../../domain/clock.ts'
import { periodsIn } from '../../domain/limits.ts'
import { refuse, type Refusal } from '../../domain/refusal.ts'
import { err, ok, type Result } from '../../domain/result.ts'
import { type Untouched, untouchedAfter, type UntouchedCaps } from '../../domain/untouched.ts'
import type { Sql, Unit } from '../../ledger/index.ts'
import type { Log } from '../../observe/log.ts'
import { type CodeRow, makeCodeBook } from './book.ts'
import { makeTouches } from './touches.ts'
import { makeCodeVault } from './vault.ts'

/**
 * Customer codes (protocol.md, Customer code):
 *
 *  C1 A code pays once: its number and step are spent in the unit of its payment, as a signature's jti is.
 *  C2 Guesses at once get no more tries than guesses in turn, and a number that nobody has is answered as a wrong code.
 *  C3 What is paid by code alone is counted in the unit that pays it.
 */
export type Codes = {
  caps: UntouchedCaps
  ofDevice(device: string): Promise<CodeRow | null>
  /** A secret, sealed for its device. */
  seal(secret: Uint8Array, of: { device: string; number: string }): string
  /** Whose code it is and by what it is spent; a wrong one is counted. */
  check(merchant: string, text: string, nowMs: number): Promise<Result<RightCode, Refusal>>
  /** How it stands with the device once this is paid by its code alone; null where the payer must say yes. */
  untouched(row: CodeRow, amountMinor: bigint, nowMs: number): Untouched | null
  /** A payment was signed on this device. */
  touched(device: string): void
}

export type RightCode = { row: CodeRow; spends: NonNullable<Unit['jti']> }

/** A code is known as used this long after it could last have been. */
const KEEP_USED_MS = 3_600_000

export function makeCodes(deps: {
  sql: Sql
  clock: Clock
  log: Log
  ring: KeyRing
  caps: UntouchedCaps
  /** Whose days they are, IANA. */
  timeZone: string
}): Codes {
  const book = makeCodeBook(deps.sql)
  const vault = makeCodeVault(deps.ring)
  const touches = makeTouches({ book, clock: deps.clock, log: deps.log })
  const periodsAt = periodsIn(deps.timeZone)
  /** Stands for the secret of a number that nobody has, so that looking takes as long. */
  const nobody = { device: 'nobody', number: '000000000' }
  const nobodys = vault.seal(randomBytes(CODE_SECRET_BYTES), nobody)

  /** The step whose digits these are; undefined for none of the two that are good now. Looks at both. */
  function stepOf(secret: Buffer, code: { number: string; digits: string }, nowMs: number): number | undefined {
    const current = codeStep(nowMs)
    return [current, current - 1].filter((step) => {
      const mac = createHmac('sha256', secret).update(codeMessage(code.number, step)).digest()
      return timingSafeEqual(Buffer.from(codeDigits(mac)), Buffer.from(code.digits))
    })[0]
  }

  return {
    caps: deps.caps,
    ofDevice: book.ofDevice,
    seal: vault.seal,
    touched: touches.note,

    async check(merchant, text, nowMs) {
      const code = readCode(text)
      if (code === null) return err(codeInvalid())
      const row = await book.ofNumber(code.number)
      const secret = row === null ? vault.open(nobodys, nobody) : vault.open(row.sealed, row)
      const step = stepOf(secret, code, nowMs)
      const judged = await book.judge(merchant, code.number, row !== null && step !== undefined)
      if (judged.verdict === 'busy') return err(busy())
      if (judged.verdict === 'blocked') return err(blocked(judged.retryAfterMs))
      if (judged.verdict === 'wrong' || row === null || step === undefined) return err(codeInvalid())
      const spends = {
        device: `code:${code.number}`,
        jti: String(step),
        expires_at: timestamp((step + 2) * CODE_STEP_S * 1_000 + KEEP_USED_MS),
      }
      return (await book.isUsed(spends)) ? err(codeUsed()) : ok({ row, spends })
    },

    untouched(row, amountMinor, nowMs) {
      const before = {
        count: row.untouched_count,
        minor: row.untouched_minor,
        atMs: row.untouched_at?.getTime() ?? null,
        touchedMs: row.touched_at?.getTime() ?? null,
      }
      return untouchedAfter(before, { amountMinor, atMs: nowMs }, deps.caps, (ms) => periodsAt(ms).day)
    },
  }
}

/** One answer for whatever is no code: what it looks like, whose it would be and why must not be told from it. */
function codeInvalid(): Refusal {
  return refuse('code_invalid', 'This code is not good; ask the customer to show the one of now, and scan it again.', {
    param: 'method.code',
  })
}

function codeUsed(): Refusal {
  return refuse('code_used', 'This code has paid already; the customer can show the next one in half a minute.', {
    param: 'method.code',
  })
}

function busy(): Refusal {
  return refuse('overloaded', 'Too many codes are looked at; try again shortly with the same key.', {
    retryAfterMs: 300,
  })
}

function blocked(retryAfterMs: number): Refusal {
  return refuse('rate_limited', 'Too many wrong codes within an hour; let customers scan your QR code meanwhile.', {
    retryAfterMs,
  })
}
