import { recoveryId } from '../../domain/ids.ts'
import { toDecimal } from '../../domain/money.ts'
import { ACTIONS, actionsFor } from '../approvals.ts'
import type { Seen } from '../evidence.ts'
import { whatApprovingDoes } from '../heard.ts'
import { OPS_LIMITS } from '../limits.ts'
import type { Entry } from '../timeline.ts'
import { whyItWaits, type Waiting } from '../waiting.ts'
import { heardCard } from './heard-card.ts'
import { html, type Html } from './html.ts'
import { tag, time, utc } from './words.ts'

/** The pages, as functions of what they show. */

export function page(options: { title: string; operator: string | null; body: Html }): string {
  const { title, operator, body } = options
  const nav =
    operator === null
      ? null
      : html`<form method="post" action="/logout">
          <span class="soft">${operator}</span><button class="quiet">Log out</button>
        </form>`
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} · Mooring ops</title>
        <link rel="stylesheet" href="/style.css" />
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header>
          <div><a class="brand" href="/">Mooring ops</a>${nav}</div>
        </header>
        <main id="main">${body}</main>
      </body>
    </html>`.text
}

/** The style of a notice; `role=alert` is read out at once. */
export const notice = (kind: 'bad' | 'warn' | 'good', text: string): Html =>
  html`<p class="note ${kind}" role="${kind === 'bad' ? 'alert' : 'status'}">${text}</p>`

export function loginPage(options: { refused: string | null; next: string }): Html {
  return html`<div class="card narrow">
    <h1>Log in</h1>
    <p class="lead">For named operators. Every login is written down.</p>
    ${options.refused === null ? null : notice('bad', options.refused)}
    <form method="post" action="/login">
      <input type="hidden" name="next" value="${options.next}" /> <label for="name">Name</label
      ><input id="name" name="name" autocomplete="username" autocapitalize="none" required maxlength="64" autofocus />
      <label for="password">Password</label
      ><input id="password" name="password" type="password" autocomplete="current-password" required maxlength="1024" />
      <button class="act">Log in</button>
    </form>
  </div>`
}

/** How long ago, in the largest unit that says it. */
function ago(at: Date, now: Date): string {
  const s = Math.max(0, Math.round((now.getTime() - at.getTime()) / 1_000))
  if (s < 120) return `${String(s)} s`
  if (s < 7_200) return `${String(Math.floor(s / 60))} min`
  return s < 172_800 ? `${String(Math.floor(s / 3_600))} h` : `${String(Math.floor(s / 86_400))} days`
}

/** Of a payment, refund or recovery, whose id has slashes. */
const pathOf = (id: string): string => `/payments/${encodeURIComponent(id)}`

export function waitingPage(found: readonly Waiting[], now: Date): Html {
  const shown = found.slice(0, OPS_LIMITS.waiting_shown)
  const rows = shown.map(
    (each) =>
      html`<tr>
        <td>
          <a class="id" href="${pathOf(each.id)}">${each.id}</a>
          <div class="soft">${each.kind}${each.operation === null ? '' : `, ${each.operation}`}</div>
        </td>
        <td class="amount">${toDecimal(each.amount, each.exponent)} ${each.currency}</td>
        <td>
          ${each.rail ?? 'none'}
          <div class="id soft">${each.reference ?? ''}</div>
        </td>
        <td class="time">
          ${ago(each.since, now)}
          <div class="soft">${time(each.since)}</div>
        </td>
        <td>
          ${tag(each.status_reason === 'needs_operator' ? 'needs_operator' : (each.state ?? each.status))}
          <div class="soft">${whyItWaits(each)}</div>
        </td>
      </tr>`,
  )
  const table = html`<div class="scroll" tabindex="0" role="region" aria-label="Waiting payments">
    <table>
      <thead>
        <tr>
          <th scope="col">Payment</th>
          <th scope="col" class="amount">Amount</th>
          <th scope="col">Rail and reference</th>
          <th scope="col">Waits since (UTC)</th>
          <th scope="col">Why</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`
  return html`<h1>Waiting payments</h1>
    <p class="lead">
      Sent to a rail more than ${OPS_LIMITS.waiting_after_ms / 1_000} s ago and not decided, or in need of an operator,
      also after its end. The rail is asked again by itself; only evidence ends a payment.
    </p>
    ${found.length > shown.length ? notice('warn', `Only the ${String(shown.length)} that wait longest are shown.`) : null}
    <section class="card">${shown.length === 0 ? html`<p>Nothing waits.</p>` : table}</section>
    <form class="card" method="get" action="/payments">
      <h2>Find a payment, refund or recovery</h2>
      <label for="id">Its id</label
      ><input
        id="id"
        name="id"
        placeholder="pay_…"
        autocapitalize="none"
        spellcheck="false"
        required
        maxlength="${OPS_LIMITS.id_letters}"
      />
      <button class="act">Show</button>
    </form>`
}

export type Shown = {
  seen: Seen
  exponent: number
  timeline: readonly Entry[]
  workflowUrl: string | null
  needsTwo: boolean
  /** Approvals of others that still stand, for what is seen now. */
  standing: readonly { id: string; action: string; operator: string }[]
  refused: string | null
  /** What was typed before it was refused. */
  typed: { action: string; reason: string }
}

export function paymentPage(shown: Shown): Html {
  const { evidence, amountMinor, currency, bearer, about } = shown.seen
  const attempts = evidence.attempts.map(
    (attempt) =>
      html`<section class="card">
        <h2>Attempt ${attempt.no} at ${attempt.rail}</h2>
        <dl>
          <dt>State</dt>
          <dd>${tag(attempt.state)}</dd>
          <dt>Operation</dt>
          <dd>${attempt.operation}, ${attempt.step}</dd>
          <dt>Reference</dt>
          <dd class="id">${attempt.reference}</dd>
          <dt>The rail’s reference</dt>
          <dd class="id">${attempt.rail_reference ?? 'none'}</dd>
          <dt>Evidence</dt>
          <dd>${attempt.said === null ? 'none yet' : html`<pre>${JSON.stringify(attempt.said, null, 1)}</pre>`}</dd>
        </dl>
      </section>`,
  )
  const heard = evidence.heard
    .filter((each) => about === null || each.id === about.id)
    .map((each) => {
      const path = about === null && each.state === 'needs_operator' ? pathOf(recoveryId(bearer, each.id)) : null
      return heardCard(each, { exponent: shown.exponent, currency, path })
    })
  const entries = shown.timeline.map(
    (entry) =>
      html`<li>
        <p class="soft time">${time(entry.at)}</p>
        <p>${entry.what}</p>
        <p class="id soft">${entry.detail}</p>
      </li>`,
  )
  const { recovery, dispute } = evidence
  const after = [
    recovery === null
      ? null
      : `${recovery.kind.replaceAll('_', ' ')} of ${toDecimal(BigInt(recovery.amount), shown.exponent)}: ${recovery.state}`,
    dispute === null ? null : `dispute ${dispute.state}`,
  ].filter((each) => each !== null)
  return html`<h1 class="id">${about === null ? null : 'Recovery '}${evidence.id}</h1>
    <p class="lead">
      ${toDecimal(amountMinor, shown.exponent)} ${currency} · ${tag(evidence.status)}
      ${evidence.status_reason === null ? null : tag(evidence.status_reason)}
      ${after.length === 0 ? null : html` · after its end: ${after.join(', ')}`}
      ${about === null ? null : html` · <a href="${pathOf(bearer)}">All of ${bearer}</a>`}
      ${shown.workflowUrl === null ? null : html` · <a href="${shown.workflowUrl}">Its workflow in Temporal</a>`}
    </p>
    ${shown.refused === null ? null : notice('bad', shown.refused)}
    <div class="two">
      <div>
        ${heard} ${attempts}
        <section class="card">
          <h2>What happened (UTC)</h2>
          <ol class="time-line">
            ${entries}
          </ol>
        </section>
      </div>
      ${decisionForm(shown)}
    </div>`
}

function decisionForm({ seen, needsTwo, standing, typed }: Shown): Html {
  const actions = actionsFor(seen)
  if (actions.length === 0) {
    return html`<section class="card">
      <h2>Decide</h2>
      <p>Nothing of it is to be decided.</p>
    </section>`
  }
  const choices = actions.map(
    (action) =>
      html`<option value="${action}" ${action === typed.action ? html` selected` : null}>
        ${ACTIONS[action].what}
      </option>`,
  )
  const others = standing.map(
    (each) =>
      html`<p class="note warn">
        ${each.operator} approved <strong>${each.action}</strong> of what is seen here:
        <span class="id">${each.id}</span>
      </p>`,
  )
  return html`<form class="card" method="post" action="${pathOf(seen.evidence.id)}/approvals">
    <h2>Decide</h2>
    <p class="soft">
      Makes an approval for this ${seen.about === null ? 'payment' : 'recovery'}, amount and evidence, good for 15
      minutes and for one use. Nothing happens before it is used in
      Temporal.${needsTwo ? ' A sum of this size needs the approval of two people.' : ''}
    </p>
    ${seen.about === null ? null : html`<p>It ${whatApprovingDoes(seen.about)}.</p>`} ${others}
    <input type="hidden" name="evidence_hash" value="${seen.hash}" />
    <label for="action">Action</label
    ><select id="action" name="action" required>
      <option value="">Choose</option>
      ${choices}
    </select>
    <label for="reason">Reason</label
    ><textarea id="reason" name="reason" required minlength="10" maxlength="1000" aria-describedby="why">
${typed.reason}</textarea>
    <p class="soft" id="why">How you know, for whoever reads it later: with whom you spoke, which statement you saw.</p>
    <button>Approve</button>
  </form>`
}

export type ApprovalShown = {
  id: string
  payment: string
  action: string
  operator: string
  expiresAt: Date
  consumedBy: string | null
  needsTwo: boolean
  /** Another person's approval of the same decision, which stands. */
  second: string | null
  steps: { workflow_url: string | null; update: string; argument: string; command: string }
}

export function approvalPage(shown: ApprovalShown, now: Date): Html {
  const { steps } = shown
  const state =
    shown.consumedBy !== null
      ? notice('good', `Acted on by the update ${shown.consumedBy}.`)
      : shown.expiresAt <= now
        ? notice('bad', 'It is older than 15 minutes and can no longer be used. Decide anew.')
        : shown.needsTwo && shown.second === null
          ? notice(
              'warn',
              'It needs the approval of a second person: let another operator approve the same action, then use either.',
            )
          : notice('good', `It can be used until ${utc(shown.expiresAt)} UTC.`)
  const workflow =
    steps.workflow_url === null
      ? html`the workflow <span class="id">${shown.payment}</span>`
      : html`<a href="${steps.workflow_url}">the workflow ${shown.payment}</a>`
  return html`<h1>Approval</h1>
    <p class="lead"><span class="id">${shown.id}</span> · ${shown.action} · by ${shown.operator}</p>
    ${state}
    <section class="card">
      <h2>Use it in Temporal</h2>
      <ol class="steps">
        <li>Open ${workflow}.</li>
        <li>Choose <strong>More actions</strong>, then <strong>Send an Update</strong>.</li>
        <li>
          Update name:
          <pre tabindex="0">${steps.update}</pre>
        </li>
        <li>
          Input, with encoding <strong>json/plain</strong>:
          <pre tabindex="0" id="argument">${steps.argument}</pre>
        </li>
      </ol>
      <p class="soft">Or, with a codec endpoint configured, on the command line:</p>
      <pre tabindex="0">${steps.command}</pre>
    </section>
    <p><a href="${pathOf(shown.payment)}">Back to what it is for</a></p>`
}
