import type { z } from 'zod'
import { type HubRequest, invalidRequest, refusalReply } from '../bus/index.ts'
import { IdempotencyKey, type MerchantPayment } from '../contract/index.ts'
import { encodeDynamicQr } from '../domain/emvco.ts'
import { toDecimal } from '../domain/money.ts'
import { type Refusal, refuse } from '../domain/refusal.ts'
import { contentHash, type Merchant } from '../identity/index.ts'
import { type Decision, decideAndApply, guarded, type Respond, storedAnswer } from './commands/index.ts'
import type { PaymentDeps } from './deps.ts'
import type { PaymentRow } from './rows.ts'
import { paymentView } from './view.ts'

/** The way of a merchant's request through the hub: who it is, and for one that changes something what a phone's goes through. */

export function merchantCommand(
  deps: Pick<PaymentDeps, 'log' | 'authenticateMerchant'>,
  respond: (merchant: Merchant, request: HubRequest) => ReturnType<Respond>,
): Respond {
  return guarded(deps, async (request) => {
    if (request.credential.type !== 'merchant') {
      return {
        reply: refusalReply(refuse('unauthenticated', 'Give a secret key as a bearer token.'), request.requestId),
      }
    }
    const merchant = await deps.authenticateMerchant(request.credential.secretKey)
    if (!merchant.ok) return { reply: refusalReply(merchant.error, request.requestId) }
    return respond(merchant.value, request)
  })
}

/** What a key stands for: the method and path, and the body; and whom it is about, where the path names one. */
type Content = { command: string; content: unknown; id?: string }

/** A merchant's request that changes something; `contentOf` tells its command from what the bridge passes on. */
export function merchantChange<S extends z.ZodType>(
  deps: PaymentDeps,
  contentOf: (body: unknown) => Content,
  schema: S,
  decide: (merchant: Merchant, body: z.infer<S>, id: string, key: string) => Promise<Decision>,
): Respond {
  return merchantCommand(deps, async (merchant, request) => {
    const { requestId } = request
    const refused = (refusal: Refusal) => ({ reply: refusalReply(refusal, requestId) })
    const key = IdempotencyKey.safeParse(request.key)
    if (!key.success) {
      return refused(refuse('idempotency_key_missing', 'Send an Idempotency-Key of 16 to 64 of A-Z a-z 0-9 _ -.'))
    }
    const { command, content, id = '' } = contentOf(request.body)
    const changer = { scope: merchant.merchant, command, key: key.data, requestId }
    const hash = contentHash(command, content)
    const before = await storedAnswer(deps, changer, hash)
    if (before !== null) return { reply: before }
    const body = schema.safeParse(content)
    if (!body.success) return refused(invalidRequest(body.error))
    return decideAndApply(deps, changer, hash, () => decide(merchant, body.data, id, key.data))
  })
}

/** As its merchant sees it, with the code to show while it can be paid. */
export function merchantPayment(deps: PaymentDeps, row: PaymentRow): MerchantPayment {
  const view = paymentView(row, {
    merchant: row.payee,
    payerAlias: deps.claims.payerAlias,
  })
  if (row.qr_token === null || row.status !== 'requires_confirmation') return view
  const payload = encodeDynamicQr({
    payment: row.id,
    token: row.qr_token,
    amountText: toDecimal(row.amount, deps.rules.exponent),
    currencyNumeric: deps.rules.currencyNumeric,
    merchantName: row.payee_name,
    country: deps.rules.country,
    city: deps.rules.city,
  })
  return { ...view, qr: { payload } }
}
