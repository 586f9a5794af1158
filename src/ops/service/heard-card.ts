import { toDecimal } from '../../domain/money.ts'
import { whatBecameOfIt, whatItSays, type Heard } from '../heard.ts'
import { html, type Html } from './html.ts'
import { tag, time } from './words.ts'

/** What a rail said after the outcome was recorded: who, when, what, and what became of it. `path`: where it is decided. */
export function heardCard(
  heard: Heard,
  { exponent, currency, path }: { exponent: number; currency: string; path: string | null },
): Html {
  const money = (minor: string) => `${toDecimal(BigInt(minor), exponent)} ${currency}`
  return html`<section class="card">
    <h2>Said by ${heard.rail} after the outcome</h2>
    <dl>
      <dt>State</dt>
      <dd>${tag(heard.state)} ${whatBecameOfIt(heard)}</dd>
      <dt>It says</dt>
      <dd>${whatItSays(heard)}, ${money(heard.amount)}${heard.reason === null ? null : `, ${heard.reason}`}</dd>
      <dt>Heard</dt>
      <dd>${time(new Date(heard.heard_at))} UTC, by ${heard.via}, as <span class="id">${heard.rail_id}</span></dd>
      <dt>Of attempt</dt>
      <dd>${heard.no}, <span class="id">${heard.reference}</span></dd>
      ${
        heard.answer === null
          ? null
          : html`<dt>When asked</dt>
              <dd>${heard.answer.replaceAll('_', ' ')}</dd>`
      }
      <dt>Posted for it</dt>
      <dd>${heard.moved === null ? 'nothing' : money(heard.moved)}</dd>
      <dt>Its words</dt>
      <dd><pre>${JSON.stringify(heard.said, null, 1)}</pre></dd>
    </dl>
    ${path === null ? null : html`<p class="act"><a href="${path}">Decide about it</a></p>`}
  </section>`
}
