import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { FLOWS } from '../../tools/docs/accounting-flows.ts'
import { accountingBlocks, CHART } from '../../tools/docs/accounting.ts'
import { withBlocks } from '../../tools/docs/blocks.ts'
import { ROOT } from '../../tools/paths.ts'
import { EXAMPLES } from '../domain/accounting/examples.ts'

const document = readFileSync(join(ROOT, 'docs/accounting.md'), 'utf8')

describe('docs/accounting.md', () => {
  it('shows the fees and postings that the rules compute', () => {
    expect(withBlocks(document, accountingBlocks()), 'run tools/docs.ts').toBe(document)
  })

  it('would not pass with a sum that has gone stale', () => {
    const stale = document.replace('121.60', '121.61')
    expect(stale).not.toBe(document)
    expect(withBlocks(stale, accountingBlocks())).not.toBe(stale)
  })

  it('lists every account of the chart', () => {
    expect(CHART.filter((code) => !document.includes(`\n| ${code} | `))).toEqual([])
  })

  it('works out every kind of event', () => {
    const shown = FLOWS.flatMap((flow) => flow.steps.map((step) => step.event.type))
    expect(new Set(shown)).toEqual(new Set(EXAMPLES.map(([event]) => event.type)))
  })

  it('ends its day in balance', () => {
    const sum = /\| \*\*Sum\*\* \| \*\*([\d.]+)\*\* \| \*\*([\d.]+)\*\* \|/.exec(document)
    expect(sum?.[1]).toBe('537.90')
    expect(sum?.[2]).toBe(sum?.[1])
  })
})
