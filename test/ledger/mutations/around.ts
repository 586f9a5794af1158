import type { Mutation } from '../../support/mutations/mutation.ts'
import { APPLY, broken } from './files.ts'

/** What stands around `apply_units`: what is asked of it, what is made of its answers, and who looks afterwards. */
const prices = broken('src/domain/accounting/price.ts', 'test/domain/accounting/price.test.ts')
const limits = broken('src/ledger/limits.ts', 'test/ledger/limits.pg.test.ts')
const aggregator = broken('src/ledger/aggregator.ts', 'test/ledger/aggregator.pg.test.ts')
const columns = broken(APPLY, 'test/ledger/columns.pg.test.ts')
const refunds = broken(APPLY, 'test/ledger/refunds.pg.test.ts')
const receivers = broken('src/ledger/audit/receivers.ts', 'test/ledger/receivers.pg.test.ts')
const moves = broken('src/payments/moves.ts', 'test/ledger/receivers.pg.test.ts')
const network = broken('src/ledger/sqlstate.ts', 'test/ledger/sqlstate.test.ts')

export const AROUND: readonly Mutation[] = [
  prices('loses what is left where splits name nobody', 'if (!splits.ok) return splits', ''),
  limits('counts all uses of limits on one row', "  sharded: 'either_side',\n", ''),
  limits('lets a limit be exceeded', 'creditsMustNotExceedDebits: true', 'creditsMustNotExceedDebits: false'),
  limits(
    'tells of a limit by what was asked, not by what it was opened with',
    'row?.most ?? limit.amountMinor',
    'limit.amountMinor',
  ),
  aggregator('sends few units at once each in its lane', 'if (waitingUnits() < Math.min', 'if (false && 0 < Math.min'),
  aggregator('lets few units wait for ever', 'company = setTimeout(pump, leftMs)', ''),
  aggregator('takes units after drain was asked for', 'if (draining) return', 'if (false) return'),
  aggregator('calls itself drained while units are out', '(isIdle() ? resolve() : idle', '(true ? resolve() : idle'),
  ...['fee', 'refund_reserved', 'refunded_amount', 'expires_at'].map((column) =>
    columns(`does not write ${column} of a payment`, ` ${column} = k.${column},`, ''),
  ),
  columns(
    'goes within a batch by the old expiry of a payment',
    "        if g -> 'expires_at' is not null then m_expires_at[i] := (g ->> 'expires_at')::timestamptz; end if;\n",
    '',
  ),
  refunds(
    'holds refunds of a payment that was read before another',
    'if m_version[i] is distinct from',
    'if false and m_version[i] <>',
  ),
  {
    name: 'drops in silence what it cannot write',
    tests: ['test/ledger/columns.pg.test.ts'],
    edits: [{ file: 'src/ledger/batch.ts', from: '    assertWritten(name, value)\n', to: '' }],
  },
  receivers('does not look whom a payment pays', 'v.paid <> w.amount - n.fee or ', ''),
  receivers('does not look what of a payment is our fee', 'or v.fees <> n.fee + n.payer_fee ', ''),
  receivers('does not look who pays a payment', ' or v.others <> 0', ''),
  moves('confirms a payment that has no hold', 'if (state.holds.length === 0) throw', 'if (false) throw'),
  moves(
    'accepts a payment that holds already',
    '  assertLedgerMove(before === null ? null : standing(before), standing(row), kind)\n',
    '',
  ),
  moves('holds another sum than is asked for', 'if (held !== heldMinor + postedMinor) {', 'if (false) {'),
  {
    name: 'expires a payment that holds money',
    tests: ['test/payments/tending.pg.test.ts'],
    edits: [{ file: 'src/payments/tending.ts', from: ' and accepted_at is null', to: '' }],
  },
  network('takes a database whose host is out of reach for a unit that raises', "  'EHOSTUNREACH',\n", ''),
  network('takes a database whose name is not found for a unit that raises', "  'ENOTFOUND',\n", ''),
  network('takes a database that is away for a unit that raises', "|| isDatabaseAway(error) ? 'again'", "? 'again'"),
]
