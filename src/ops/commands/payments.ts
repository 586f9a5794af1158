import { z } from 'zod'
import { OPS_ACTIONS } from '../../contract/names.ts'
import { toDecimal } from '../../domain/money.ts'
import type { Command } from '../command.ts'
import { OpsRefusal } from '../refusal.ts'
import { columns, indented } from '../text.ts'

/** What waits and what becomes of it, asked of the ops service. */

const Waiting = z.object({
  data: z.array(
    z.looseObject({
      id: z.string(),
      amount: z.string(),
      currency: z.string(),
      exponent: z.number(),
      rail: z.string().nullable(),
      reference: z.string().nullable(),
      since: z.string(),
      why: z.string(),
    }),
  ),
})

const HeardOf = z.looseObject({
  id: z.string(),
  rail: z.string(),
  via: z.string(),
  amount: z.string(),
  heard_at: z.string(),
  state: z.string(),
  says: z.string(),
  became: z.string(),
  decided_as: z.string().nullable(),
})

const Payment = z.looseObject({
  id: z.string(),
  status: z.string(),
  status_reason: z.string().nullable(),
  evidence_hash: z.string(),
  needs_two: z.boolean(),
  currency: z.string(),
  exponent: z.number(),
  heard: z.array(HeardOf),
  timeline: z.array(z.object({ at: z.string(), what: z.string(), detail: z.string() })),
})

const Approval = z.looseObject({
  approval: z.string(),
  expires_at: z.string(),
  needs_two: z.boolean(),
  workflow: z.string(),
  update: z.string(),
  argument: z.string(),
  command: z.string(),
})

export const unresolved: Command = {
  name: 'unresolved',
  argument: null,
  options: [],
  what: [
    'payments and refunds whose outcome is not known 10 s after their rail was called,',
    'and those that need an operator, the longest first',
  ],
  async call(service) {
    const { data } = Waiting.parse(await service.get('/v1/waiting'))
    return {
      ok: true,
      json: { data },
      text:
        data.length === 0
          ? ['Nothing waits.']
          : columns(
              [
                ['payment', 'amount', '', 'rail', 'reference', 'since', 'why'],
                ...data.map((each) => [
                  each.id,
                  toDecimal(BigInt(each.amount), each.exponent),
                  each.currency,
                  each.rail ?? '',
                  each.reference ?? '',
                  each.since,
                  each.why,
                ]),
              ],
              'lrlllll',
            ),
    }
  },
}

/** What its rails said after the outcome was recorded, and by which id what waits for people is approved. */
function saidAfter({ heard, currency, exponent }: z.infer<typeof Payment>): string[] {
  if (heard.length === 0) return []
  const lines = heard.map((each) => [
    each.heard_at,
    each.rail,
    each.via,
    toDecimal(BigInt(each.amount), exponent),
    currency,
    each.says,
    `${each.state}: ${each.became}`,
  ])
  const decided = heard.flatMap(({ decided_as: as }) => (as === null ? [] : [`waits for people: ops approve ${as}`]))
  return ['', 'said after the outcome', ...indented([...columns(lines, 'lllrlll'), ...decided])]
}

const pathOf = (id: string): string => `/v1/payments/${encodeURIComponent(id)}`

export const paymentTimeline: Command = {
  name: 'payment',
  argument: '<payment, refund or recovery>',
  options: [],
  what: ['everything written down about it, in order of time, and the evidence a decision is', 'bound to'],
  async call(service, id) {
    const payment = Payment.parse(await service.get(pathOf(id)))
    const standing = payment.status_reason === null ? payment.status : `${payment.status}, ${payment.status_reason}`
    return {
      ok: true,
      json: payment,
      text: [
        `${payment.id}: ${standing}`,
        '',
        ...indented(
          columns(
            payment.timeline.map(({ at, what, detail }) => [at, what, detail]),
            'lll',
          ),
        ),
        ...saidAfter(payment),
        '',
        `evidence ${payment.evidence_hash}${payment.needs_two ? '; a decision needs two people' : ''}`,
      ],
    }
  },
}

export const approve: Command = {
  name: 'approve',
  argument: '<payment, refund or recovery>',
  options: ['action', 'reason', 'evidence'],
  what: [
    'an approval, good for 15 minutes and once, for the update in Temporal that it prints.',
    `--action: ${OPS_ACTIONS.join(', ')}`,
    '--evidence: as payment printed it, so that nothing has happened since',
  ],
  async call(service, id, { action, reason, evidence }) {
    if (!OPS_ACTIONS.some((each) => each === action)) {
      throw new OpsRefusal('bad_usage', '--action', `expected one of ${OPS_ACTIONS.join(', ')}`)
    }
    if (reason === undefined) throw new OpsRefusal('bad_usage', '--reason', 'say why, in 10 letters or more')
    const hash = evidence ?? Payment.parse(await service.get(pathOf(id))).evidence_hash
    const made = Approval.parse(await service.post(`${pathOf(id)}/approvals`, { action, reason, evidence_hash: hash }))
    return {
      ok: true,
      json: made,
      text: [
        `${made.approval}, good until ${made.expires_at}`,
        ...(made.needs_two
          ? ['It needs a second person: let another operator approve the same, then use either.']
          : []),
        '',
        `In Temporal's UI: workflow ${made.workflow}, More actions, Send an Update`,
        `  update name  ${made.update}`,
        `  input        ${made.argument}`,
        'or, where the command line has the codec endpoint:',
        `  ${made.command}`,
      ],
    }
  },
}
