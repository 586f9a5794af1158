import { derivedUuid, type Sql } from '../ledger/index.ts'
import type { Log } from '../observe/log.ts'
import type { RailOutcome } from '../rails/port.ts'
import type { AttemptRow } from './rows.ts'

/** Evidence that comes when an attempt has its outcome: it never flips what is written, and is never dropped. */
export type Aftermath = {
  heard(attempt: AttemptRow, outcome: RailOutcome): Promise<void>
  /** The rail says that there is something to see about an attempt that has its outcome. */
  look(attempt: AttemptRow): Promise<void>
}

export function makeAftermath(deps: { incidents: IncidentBook; log: Log }): Aftermath {
  return {
    async heard(attempt, outcome) {
      if (!contradicts(attempt, outcome)) return
      deps.log.error(
        { reference: attempt.reference, recorded: attempt.state, heard: outcome.kind },
        'a rail contradicts a recorded outcome',
      )
      await deps.incidents.open({
        kind: 'contradicting_outcome',
        payment: attempt.payment,
        detail: {
          reference: attempt.reference,
          recorded: attempt.state,
          heard: outcome.kind,
          evidence: outcome.evidence.id,
        },
      })
    },
    look() {
      return Promise.resolve()
    },
  }
}

type Final = Extract<RailOutcome, { kind: 'settled' | 'declined' | 'not_found' | 'returned' }>

function contradicts(attempt: AttemptRow, outcome: RailOutcome): outcome is Final {
  switch (outcome.kind) {
    case 'returned':
      return true
    case 'settled':
      return attempt.state !== 'settled'
    case 'declined':
    case 'not_found':
      // "Never received" and "declined" agree that nothing moved.
      return attempt.state === 'settled'
    default:
      return false
  }
}

/** Breaks between a rail and us that people must see; the same one twice is one. */
export type IncidentBook = { open(incident: { kind: string; payment: string; detail: object }): Promise<void> }

export function makeIncidentBook(sql: Sql): IncidentBook {
  return {
    async open({ kind, payment, detail }) {
      const text = JSON.stringify(detail)
      await sql`
        insert into incidents (id, kind, payment, detail)
        values (${derivedUuid(`${kind}/${payment}/${text}`)}, ${kind}, ${payment}, ${text}::text::jsonb)
        on conflict do nothing`
    },
  }
}
