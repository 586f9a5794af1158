import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import type { DevJson } from '../../../tools/dev-json.ts'
import { ROOT } from '../../../tools/paths.ts'

/** What an operator does in Temporal's own UI (2.50), by what is written on it. */

/** Names the directory that pictures of the steps are kept in; none are made without it. */
const PICTURES = process.env['MOORING_PICTURES']

/** Small enough to be read in a document. */
export const VIEWPORT = { width: 1_280, height: 760 }

/** Keeps what is on the page, for docs/runbook.md. */
export async function picture(page: Page, name: string): Promise<void> {
  if (PICTURES === undefined || PICTURES === '') return
  const dir = join(ROOT, PICTURES)
  mkdirSync(dir, { recursive: true })
  await page.screenshot({ path: join(dir, `${name}.png`), animations: 'disabled', caret: 'hide' })
}

const base = ({ temporal }: DevJson): string => `${String(temporal.ui)}/namespaces/${temporal.namespace}`

/** Docs/runbook.md, Once a browser. */
export async function useCodec(page: Page, dev: DevJson): Promise<void> {
  await page.goto(`${base(dev)}/workflows`)
  await page.getByTestId('data-encoder-status-configured').click()
  await page.getByText('Use my browser setting and ignore Cluster-level setting').click()
  await page.getByPlaceholder('Paste your endpoint here').fill(`${dev.ops.url}/codec`)
  await page.getByText('Include cross-origin credentials').click()
  await picture(page, 'codec')
  await page.getByRole('button', { name: 'Apply' }).filter({ visible: true }).click()
}

/** The list, once this workflow is in it: Temporal's search is a moment behind. */
export async function findByStage(page: Page, dev: DevJson, stage: string, id: string): Promise<void> {
  const query = new URLSearchParams({ query: `MooringStage = '${stage}'` })
  for (;;) {
    await page.goto(`${base(dev)}/workflows?${query.toString()}`)
    const found = page.getByRole('link', { name: id })
    const seen = await found.waitFor({ timeout: 5_000 }).then(
      () => true,
      () => false,
    )
    if (seen) return
  }
}

export async function openWorkflow(page: Page, dev: DevJson, id: string): Promise<void> {
  await page.goto(`${base(dev)}/workflows/${id}`)
  await page.getByRole('button', { name: 'More Actions' }).waitFor()
}

/** Its current details, in words. */
export async function currentDetails(page: Page): Promise<string> {
  await page.getByText('User Metadata', { exact: true }).filter({ visible: true }).click()
  // They are Markdown of whoever wrote the workflow: the UI shows them in a frame of their own.
  const details = page.frameLocator('iframe').getByText(/^(Waits for|Ended)/)
  await details.waitFor()
  return details.innerText()
}

/** More Actions, Send an Update, as the ops page says it. */
export async function sendUpdate(
  page: Page,
  update: { name: string; argument: string },
  pictured?: string,
): Promise<void> {
  const dialog = page.locator('form').filter({ hasText: 'Update ID', visible: true })
  await page.getByRole('button', { name: 'More Actions' }).click()
  await page.getByRole('menuitem', { name: 'Send an Update' }).click()
  await dialog.getByTestId('update-select-button').click()
  await dialog.getByRole('option', { name: update.name, exact: true }).click()
  await dialog.getByRole('textbox').last().fill(update.argument)
  if (pictured !== undefined) await picture(page, pictured)
  await dialog.getByRole('button', { name: 'Submit' }).click()
}
