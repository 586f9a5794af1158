import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { z } from 'zod'

const Results = z.object({
  passes: z.array(z.object({ id: z.string() })),
  violations: z.array(
    z.object({ id: z.string(), help: z.string(), nodes: z.array(z.object({ target: z.array(z.string()) })) }),
  ),
})

/** What a page breaks of WCAG 2.2 A and AA, each with where; none of it is hidden by its policy. */
export async function breaches(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
  const results = Results.parse(
    JSON.parse(await page.evaluate(`axe.run(document, { runOnly: ${JSON.stringify(tags)} }).then(JSON.stringify)`)),
  )
  if (!results.passes.some(({ id }) => id === 'color-contrast')) return ['no contrast was measured']
  return results.violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target }) => `${id} (${help}) at ${target.join(' ')}`),
  )
}
