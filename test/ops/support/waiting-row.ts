import type { Sql } from '../../../src/ledger/index.ts'

/** A top-up in ledger 1 that was sent to the bank a minute ago, with no outcome. Written past the ledger: it holds nothing. */
export async function insertWaiting(
  owner: Sql,
  { id, reference, amountMinor }: { id: string; reference: string; amountMinor: bigint },
): Promise<void> {
  const amount = String(amountMinor)
  await owner`
    insert into payments (id, ledger, kind, status, status_reason, version, amount, currency, payer, payee, payee_name,
      created_at, updated_at, accepted_at, started_at, source_type)
    values (${id}, 1, 'topup', 'processing', 'awaiting_rail', 3, ${amount}, 'KES', 'usr_amina', 'usr_amina', 'Amina',
      now() - interval '1 minute', now(), now() - interval '1 minute', now() - interval '1 minute', 'bank')`
  await owner`
    insert into attempts (payment, no, ledger, rail, operation, reference, uetr, amount, currency, account, account_holder,
      description, state, dispatch_token, dispatched_at, sends, inquiries, next_look_at, evidence, updated_at)
    values (${id}, 1, 1, 'demo-bank', 'collect', ${reference}, gen_random_uuid(), ${amount}, 'KES',
      'DE02120300000000202051', 'Amina', 'Top-up', 'unknown', gen_random_uuid(), now() - interval '58 seconds', 1, 2,
      now() + interval '1 hour', '{"why":"the connection broke"}', now())`
}

/** What a rail said of that top-up after its outcome was recorded, and that waits for people. Returns its id. */
export async function insertHeard(
  owner: Sql,
  { id, reference, amountMinor }: { id: string; reference: string; amountMinor: bigint },
): Promise<string> {
  await owner`update attempts set state = 'declined' where payment = ${id}`
  await owner`update payments set status = 'failed', status_reason = null, failure_code = 'declined_by_rail',
    recovery = ${JSON.stringify({ kind: 'late_settlement', amount: String(amountMinor), state: 'suspended' })}::text::jsonb
    where id = ${id}`
  const [row] = await owner<{ id: string }[]>`
    insert into evidence (id, rail, reference, payment, no, ledger, kind, via, rail_id, amount, body, answer, state, result,
      moved)
    values (gen_random_uuid(), 'demo-bank', ${reference}, ${id}, 1, 1, 'settled', 'inquiry', 'STS-<b>17</b>',
      ${String(amountMinor)}, '{"status":"ACSC <script>"}', null, 'needs_operator', 'suspended', ${String(amountMinor)})
    returning id`
  if (row === undefined) throw new Error('the evidence was not written')
  return row.id
}
