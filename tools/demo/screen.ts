import { styleText } from 'node:util'
import { CURRENCIES } from '../../src/contract/names.ts'
import { toDecimal } from '../../src/domain/money.ts'

/** What the demo prints: at most 96 columns, colour only where a person looks (a terminal without NO_COLOR). */

const TITLE_WIDTH = 62
const MS_WIDTH = 8

const TONES = { waiting: 'yellow', good: 'green', bad: 'red' } as const

type Style = Parameters<typeof styleText>[0]
const styled = (style: Style, text: string) => styleText(style, text, { stream: process.stdout })

export function money(amountMinor: bigint | string, currency: string): string {
  return `${currency} ${toDecimal(BigInt(amountMinor), CURRENCIES[currency]?.exponent ?? 2)}`
}

export function heading(text: string): void {
  console.log(`\n${styled('bold', text)}`)
}

export function title(no: number, text: string, amount: string): void {
  console.log(`\n${styled('bold', `${String(no).padStart(2)}  ${text.padEnd(TITLE_WIDTH)}`)}${amount.padStart(16)}`)
}

/** One live status: when, since the payer confirmed, and what. */
export function status(ms: number, what: string, tone: keyof typeof TONES): void {
  console.log(`    ${`${Math.round(ms)} ms`.padStart(MS_WIDTH)}  ${styled(TONES[tone], what)}`)
}

/** Something that was checked and is as it should be. */
export function checked(text: string): void {
  console.log(`              ${styled('dim', `✓ ${text}`)}`)
}

/** Something out of the ordinary that is no fault. */
export function remark(text: string): void {
  console.log(`              ${styled('cyan', `· ${text}`)}`)
}

export function line(label: string, text: string): void {
  console.log(`    ${label.padEnd(10)}${text}`)
}

export function good(text: string): void {
  console.log(`\n${styled(['bold', 'green'], text)}`)
}

export function bad(text: string): void {
  console.error(`\n${styled(['bold', 'red'], 'The demo found a surprise.')} ${text}`)
}
