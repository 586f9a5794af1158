import type { Mutation } from '../../support/mutations/mutation.ts'
import { APPLY, HISTORY, OPEN, broken } from './files.ts'

/** Who may do what with the ledger, whatever its code does. */
const TEST = 'test/ledger/roles.pg.test.ts'
const GRANTS = 'src/ledger/migrations/0009_roles.sql'
const grants = broken(GRANTS, TEST)
const settings = broken('tools/servers/postgres/roles.ts', TEST)

const NOBODY_EXECUTES = 'revoke execute on all functions in schema public from public;'
const HUB_READS_NOT = 'revoke select on transfers, units from mooring_hub;'
const LATER = 'alter default privileges revoke execute on functions from public;'

const TOO_MUCH: readonly (readonly [who: string, what: string])[] = [
  ['mooring_hub', 'insert on transfers'],
  ['mooring_hub', 'update on accounts'],
  ['mooring_hub', 'delete on holds'],
  ['mooring_hub', 'insert on units'],
  ['mooring_hub', 'update on payments'],
  ['mooring_hub', 'update on attempts'],
  ['mooring_hub', 'select on seals'],
  ['mooring_hub', 'update on sequence transfers_position'],
  ['mooring_relay', 'select on accounts'],
  ['mooring_relay', 'select on payments'],
  ['mooring_relay', 'update (body) on outbox'],
  ['mooring_relay', 'insert on outbox'],
  ['mooring_relay', 'execute on function seal_transfers(integer)'],
  ['mooring_ops', 'insert on transfers'],
  ['mooring_ops', 'update on accounts'],
  ['mooring_ops', 'update on payments'],
  ['mooring_ops', 'insert on seals'],
  ['mooring_ops', 'update on sealed'],
  ['mooring_ops', 'select on idempotency'],
  ['mooring_ops', 'execute on function open_accounts(jsonb)'],
]

const granted = TOO_MUCH.map(([who, what]) =>
  grants(`grants ${who} ${what}`, NOBODY_EXECUTES, `${NOBODY_EXECUTES}\ngrant ${what} to ${who};`),
)

const revoked: readonly Mutation[] = [
  grants('lets the hub read transfers', HUB_READS_NOT, 'revoke select on units from mooring_hub;'),
  grants('lets the hub read units', HUB_READS_NOT, 'revoke select on transfers from mooring_hub;'),
  grants('lets everyone execute what is made later', LATER, ''),
  {
    name: 'lets everyone apply units',
    tests: [TEST],
    edits: [
      { file: GRANTS, from: NOBODY_EXECUTES, to: '' },
      { file: APPLY, from: 'revoke execute on function apply_units from public;', to: '' },
    ],
  },
  {
    name: 'lets everyone seal and read history',
    tests: [TEST],
    edits: [
      { file: GRANTS, from: NOBODY_EXECUTES, to: '' },
      {
        file: HISTORY,
        from: 'revoke execute on function history_is_append_only(), seal_transfers(integer),',
        to: 'revoke execute on function history_is_append_only(),',
      },
    ],
  },
]

const paths: readonly Mutation[] = [
  broken(APPLY, TEST)(
    'applies units to tables of its caller',
    'security definer set search_path = public, pg_temp;\nrevoke',
    'security definer;\nrevoke',
  ),
  broken(OPEN, TEST)(
    'opens accounts in tables of its caller',
    'language sql volatile\nset search_path = public, pg_temp\n',
    'language sql volatile\n',
  ),
  broken(HISTORY, TEST)(
    'seals in tables of its caller',
    'security definer\nset search_path = public, pg_temp\n',
    'security definer\n',
  ),
]

const waits = ['lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout'].map((name) =>
  settings(`serves without a ${name}`, `  ${name}: '`, `  // ${name}: '`),
)

export const GRANTED: readonly Mutation[] = [...granted, ...revoked, ...paths, ...waits]
