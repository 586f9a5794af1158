import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { OPS_ACTIONS, type OpsAction } from '../../contract/names.ts'
import { makeApproval, needsTwo } from '../approvals.ts'
import { recordOps } from '../audit-log.ts'
import { evidenceOf } from '../evidence.ts'
import { OPS_LIMITS } from '../limits.ts'
import { closeSession } from '../sessions.ts'
import { timelineOf } from '../timeline.ts'
import { waitingPayments } from '../waiting.ts'
import { APPROVAL_WORDS } from './api-routes.ts'
import type { OpsDeps } from './deps.ts'
import { html, type Html } from './html.ts'
import { approvalPage, loginPage, notice, page, paymentPage, waitingPage } from './pages.ts'
import { stepsInTemporal, workflowUrl } from './steps-in-temporal.ts'
import { STYLE } from './style.ts'
import { setCookie, whoAsks, type Who } from './who.ts'

/** The pages for people. Every change is a form's POST, answered with a redirect. */

const LoginForm = z.object({
  name: z.string().max(64),
  password: z.string().max(1_024),
  next: z.string().max(256).default('/'),
})
const DecisionForm = z.object({
  action: z.enum(OPS_ACTIONS),
  reason: z.string().max(2_000),
  evidence_hash: z.string().max(64),
})
const Params = z.object({ id: z.string().max(OPS_LIMITS.id_letters) })
const NOTHING = { action: '', reason: '' }

/** Only to a page of ours: `//host` is a host. */
const safeNext = (next: string): string => (/^\/(?![/\\])/.test(next) ? next : '/')

export function pageRoutes(app: FastifyInstance, deps: OpsDeps): void {
  const { sql } = deps

  const show = (reply: FastifyReply, who: Who | null, title: string, body: Html, status = 200) =>
    reply
      .code(status)
      .type('text/html; charset=utf-8')
      .send(page({ title, operator: who?.name ?? null, body }))

  const known =
    (answer: (who: Who, request: FastifyRequest, reply: FastifyReply) => Promise<unknown>) =>
    async (request: FastifyRequest, reply: FastifyReply) => {
      const who = await whoAsks(deps, request)
      if (who !== null) return answer(who, request, reply)
      const next = request.method === 'GET' ? request.url : '/'
      return reply.redirect(`/login?next=${encodeURIComponent(next)}`, 303)
    }

  app.get('/style.css', (_request, reply) => reply.type('text/css; charset=utf-8').send(STYLE))

  app.get('/favicon.ico', (_request, reply) => reply.code(204).send())

  app.get('/login', (request, reply) => {
    const { next } = z.object({ next: z.string().max(256).catch('/').default('/') }).parse(request.query)
    return show(reply, null, 'Log in', loginPage({ refused: null, next }))
  })

  app.post('/login', async (request, reply) => {
    const form = LoginForm.parse(request.body)
    const said = await deps.login({ name: form.name, password: form.password, address: request.ip })
    if (said.ok) {
      setCookie(deps, reply, said.value.token)
      return reply.redirect(safeNext(form.next), 303)
    }
    const refused =
      said.error.code === 'locked'
        ? `Too many logins failed. Try again in ${String(Math.ceil(said.error.retryAfterMs / 1_000))} s.`
        : said.error.code === 'busy'
          ? 'Too many logins at once. Try again.'
          : 'No operator has this name and password.'
    return show(reply, null, 'Log in', loginPage({ refused, next: form.next }), said.error.code === 'wrong' ? 401 : 429)
  })

  app.post(
    '/logout',
    known(async (who, _request, reply) => {
      await closeSession(sql, who.token)
      await recordOps(sql, { kind: 'logout', operator: who.name, subject: null, detail: {} })
      setCookie(deps, reply, null)
      return reply.redirect('/login', 303)
    }),
  )

  app.get(
    '/',
    known(async (who, _request, reply) =>
      show(reply, who, 'Waiting payments', waitingPage(await waitingPayments(sql), new Date())),
    ),
  )

  app.get(
    '/payments',
    known(async (_who, request, reply) => {
      const { id } = Params.parse(request.query)
      return reply.redirect(`/payments/${encodeURIComponent(id.trim())}`, 303)
    }),
  )

  async function showPayment(who: Who, reply: FastifyReply, id: string, refused: string | null, typed = NOTHING) {
    const seen = await evidenceOf(sql, id)
    if (seen === null)
      return show(reply, who, 'Not found', notice('bad', `There is no payment, refund or recovery ${id}.`), 404)
    const [[money], timeline, standing] = await Promise.all([
      sql<
        { exponent: number }[]
      >`select exponent::int as exponent from ledgers where currency = ${seen.currency} limit 1`,
      timelineOf(sql, seen.bearer),
      sql<{ id: string; action: string; operator: string }[]>`
        select a.id, a.action, o.name as operator from approvals a join operators o on o.id = a.operator
        where a.payment = ${id} and a.evidence_hash = ${seen.hash} and a.consumed_by is null
          and a.expires_at > clock_timestamp() order by a.id`,
    ])
    await recordOps(sql, { kind: 'payment_viewed', operator: who.name, subject: id, detail: { by: 'page' } })
    const body = paymentPage({
      seen,
      exponent: money?.exponent ?? 0,
      timeline,
      workflowUrl: workflowUrl(deps.temporal, id),
      needsTwo: needsTwo(seen.amountMinor, deps.twoAboveMinor),
      standing,
      refused,
      typed,
    })
    return show(reply, who, id, body, refused === null ? 200 : 409)
  }

  app.get(
    '/payments/:id',
    known((who, request, reply) => showPayment(who, reply, Params.parse(request.params).id, null)),
  )

  app.post(
    '/payments/:id/approvals',
    known(async (who, request, reply) => {
      const { id } = Params.parse(request.params)
      const form = DecisionForm.safeParse(request.body)
      if (!form.success) return showPayment(who, reply, id, 'Choose an action, and say why.')
      const { action, reason, evidence_hash: evidenceHash } = form.data
      const made = await makeApproval(sql, deps.ids, { payment: id, action, reason, evidenceHash, operator: who })
      if (made.ok) return reply.redirect(`/approvals/${made.value.id}`, 303)
      return showPayment(who, reply, id, sentence(APPROVAL_WORDS[made.error.code]), { action, reason })
    }),
  )

  app.get(
    '/approvals/:id',
    known(async (who, request, reply) => {
      const { id } = Params.parse(request.params)
      const [row] = await sql<ApprovalRow[]>`
        select a.id, a.payment, a.action, a.amount, o.name as operator, a.expires_at, a.consumed_by,
          (select s.id from approvals s where s.payment = a.payment and s.action = a.action and s.amount = a.amount
            and s.currency = a.currency and s.evidence_hash = a.evidence_hash and s.operator <> a.operator
            and s.consumed_by is null and s.expires_at > clock_timestamp() limit 1) as second
        from approvals a join operators o on o.id = a.operator where a.id = ${id}`
      if (row === undefined)
        return show(reply, who, 'Not found', html`${notice('bad', `There is no approval ${id}.`)}`, 404)
      const body = approvalPage(
        {
          ...row,
          expiresAt: row.expires_at,
          consumedBy: row.consumed_by,
          needsTwo: needsTwo(row.amount, deps.twoAboveMinor),
          steps: stepsInTemporal(deps.temporal, row),
        },
        new Date(),
      )
      return show(reply, who, 'Approval', body)
    }),
  )
}

type ApprovalRow = {
  id: string
  payment: string
  action: OpsAction
  amount: bigint
  operator: string
  expires_at: Date
  consumed_by: string | null
  second: string | null
}

const sentence = (words: string): string => `${words.charAt(0).toUpperCase()}${words.slice(1)}.`
