import { derivedUuid, type Sql } from '../ledger/index.ts'
import type { Log } from '../observe/log.ts'
import type { RailOutcome } from '../rails/port.ts'
import { evidenceOf, keepEvidence, lookAt, type Kept, type NewEvidence } from './evidence.ts'
import type { AttemptRow } from './rows.ts'

/**
 * Evidence that comes when an attempt has its outcome: it never flips what is written,
 * and is never dropped. It is kept here before anything else happens; what follows from
 * it is the recovery's (recovery/steps.ts).
 */
export type Aftermath = {
  heard(attempt: AttemptRow, outcome: RailOutcome): Promise<void>
  /** The rail says, by this event, that there is something to see about an attempt that has its outcome. */
  look(attempt: AttemptRow, eventId: string): Promise<void>
}

/** Evidence by its id, and the payment or refund that it is about. */
export type EvidenceName = { id: string; payment: string }

export function makeAftermath(deps: {
  incidents: IncidentBook
  log: Log
  /** Begins its recovery; best effort, the patrol over evidence is behind it. */
  recover?: (evidence: EvidenceName) => void
}): Aftermath {
  async function keep(attempt: AttemptRow, said: NewEvidence): Promise<void> {
    const kept = await deps.incidents.keep(said)
    const detail = {
      reference: attempt.reference,
      recorded: attempt.state,
      heard: said.kind,
      evidence: said.rail_id,
    }
    if (kept === 'differs') {
      deps.log.error(detail, 'a rail says the same with another amount')
      await deps.incidents.open({
        kind: 'evidence_differs',
        payment: attempt.payment,
        detail: { ...detail, amount: said.amount.toString() },
      })
    } else if (said.kind === 'look') {
      deps.log.debug(detail, 'a rail says that there is something to see')
    } else {
      const unclear = said.kind === 'unclear'
      deps.log.error(detail, unclear ? 'a rail says what nobody understands' : 'a rail contradicts a recorded outcome')
      const kind = unclear ? 'unclear_statement' : 'contradicting_outcome'
      await deps.incidents.open({ kind, payment: attempt.payment, detail })
    }
    if (kept === 'kept' || kept === 'open') deps.recover?.({ id: said.id, payment: said.payment })
  }

  return {
    async heard(attempt, outcome) {
      const said = evidenceOf(attempt, outcome)
      if (said !== null) await keep(attempt, said)
    },
    look: (attempt, eventId) => keep(attempt, lookAt(attempt, eventId)),
  }
}

/** What came after the end, and the breaks between a rail and us that people must see; the same twice is once. */
export type IncidentBook = {
  open(incident: { kind: string; payment: string; detail: object }): Promise<void>
  keep(said: NewEvidence): Promise<Kept>
}

export function makeIncidentBook(sql: Sql): IncidentBook {
  return {
    async open({ kind, payment, detail }) {
      const text = JSON.stringify(detail)
      await sql`
        insert into incidents (id, kind, payment, detail)
        values (${derivedUuid(`${kind}/${payment}/${text}`)}, ${kind}, ${payment}, ${text}::text::jsonb)
        on conflict do nothing`
    },
    keep: (said) => keepEvidence(sql, said),
  }
}
