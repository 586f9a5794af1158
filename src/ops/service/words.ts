import { html, type Html } from './html.ts'

/** States and times as every page shows them. */

const TAGS: Partial<Record<string, string>> = {
  needs_operator: 'bad',
  unknown: 'bad',
  dispatched: 'warn',
  pending: 'warn',
  open: 'warn',
  settled: 'good',
  succeeded: 'good',
}
export const tag = (word: string): Html =>
  html`<span class="tag ${TAGS[word] ?? ''}">${word.replaceAll('_', ' ')}</span>`

export const utc = (at: Date): string => `${at.toISOString().slice(0, 10)} ${at.toISOString().slice(11, 19)}`
export const time = (at: Date): Html => html`<time datetime="${at.toISOString()}">${utc(at)}</time>`
