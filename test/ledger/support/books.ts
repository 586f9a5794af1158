import {
  type AccountSpec,
  cashAccount,
  merchantPendingAccount,
  walletAccount,
} from '../../../src/domain/accounting/index.ts'
import {
  type Ledger,
  type Sql,
  type TransferInput,
  type Unit,
  type UnitResult,
  accountId,
  ensureLedger,
  makeAccountBook,
  makeLedger,
  openDatabase,
} from '../../../src/ledger/index.ts'
import { makeLog } from '../../../src/observe/log.ts'
import { testDatabase } from '../../support/run-servers.ts'
import { paymentIds } from '../../payments/support/ids.ts'

/** Books of one test file: a database of its own, a ledger in KES, and words to write transfers with. */

export const ids = paymentIds()
export const log = makeLog({ name: 'test', level: 'silent' })

export type Spend = Extract<TransferInput, { kind: 'post' | 'reserve' }>
export type End = Extract<TransferInput, { pending: string }>

export type Books = Awaited<ReturnType<typeof openBooks>>

export async function openBooks() {
  const database = await testDatabase()
  const hub = openDatabase({ url: database.url('mooring_hub'), name: 'test-hub', connections: 4 })
  const owner: Sql = openDatabase({ url: database.url('mooring_owner'), name: 'test-owner', connections: 2 })
  const ledger: Ledger = makeLedger({ sql: hub, log })
  const book = (await ensureLedger(owner, 'KES', 2)).id
  const accounts = makeAccountBook(hub)

  const post = (debit: string, credit: string, amount: bigint | number): Spend => ({
    id: ids.uuid(),
    ledger: book,
    kind: 'post',
    debit,
    credit,
    amount: String(amount),
    subject: 'test',
  })
  const reserve = (debit: string, credit: string, amount: bigint | number): Spend => ({
    ...post(debit, credit, amount),
    kind: 'reserve',
  })
  const end = (kind: End['kind'], pending: string, amount?: number): End => ({
    id: ids.uuid(),
    ledger: book,
    kind,
    pending,
    subject: 'test',
    ...(amount === undefined ? {} : { amount: String(amount) }),
  })
  const unit = (transfers: TransferInput[], more: Partial<Unit> = {}): Unit => ({
    id: ids.uuid(),
    transfers,
    ok: {},
    ...more,
  })
  const apply = (transfers: TransferInput[], more: Partial<Unit> = {}): Promise<UnitResult> =>
    ledger.apply(unit(transfers, more))

  const open = (...specs: AccountSpec[]): Promise<string[]> => accounts.ensure(book, specs)
  return {
    database,
    hub,
    owner,
    ledger,
    book,
    accounts,
    open,
    post,
    reserve,
    end,
    unit,
    apply,
    /** A wallet that holds this much, filled from the trust account. */
    async wallet(amount: number): Promise<string> {
      const [cash = '', account = ''] = await open(cashAccount('bank', 'trust'), walletAccount(ids.make('usr')))
      if (amount > 0) await apply([post(cash, account, amount)])
      return account
    },
    /** An account that credits may fill up to its debits and this line: the chart has none such. */
    async filled(lineMinor: bigint): Promise<string> {
      const name = `receivable:test:${ids.uuid()}`
      const id = accountId(book, name)
      const bounds = { debits_must_not_exceed_credits: false, credits_must_not_exceed_debits: true }
      const row = { ledger: book, id, code: 1050, name, ...bounds, allowance: lineMinor.toString() }
      await hub`select open_accounts(${JSON.stringify([row])}::text::jsonb)`
      return id
    },
    async merchant(): Promise<string> {
      const [account = ''] = await open(merchantPendingAccount(ids.make('mer')))
      return account
    },
    /** Posted credits less posted debits, and what is pending on each side. */
    async balance(account: string): Promise<{ posted: bigint; out: bigint; in: bigint }> {
      const [row] = await owner<{ posted: bigint; out: bigint; in: bigint }[]>`
        select credits_posted - debits_posted as posted, debits_pending as out, credits_pending as in
        from accounts where id = ${account}`
      if (row === undefined) throw new Error('no such account')
      return row
    },
    async close(): Promise<void> {
      await ledger.drain()
      await Promise.all([hub.end({ timeout: 1 }), owner.end({ timeout: 1 })])
      await database.drop()
    },
  }
}
