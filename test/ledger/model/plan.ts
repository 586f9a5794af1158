import { derivedUuid, type TransferInput, type Unit } from '../../../src/ledger/index.ts'

/**
 * Units by number: whoever was killed, another process can make the same unit again and send it as a retry. There is
 * always enough money, so each is answered `ok`.
 */
export type Plan = { ledger: number; cash: string; wallets: readonly string[]; merchant: string }

/** Between a hold and the unit that ends it. */
const HELD_FOR = 4

export function plannedUnit({ ledger, cash, wallets, merchant }: Plan, n: number): Unit {
  const name = (what: string): string => derivedUuid(`crash/${what}`)
  const wallet = wallets[n % wallets.length] ?? ''
  const other = wallets[(n + 1) % wallets.length] ?? ''
  const unit = (transfers: TransferInput[], more: Partial<Unit> = {}): Unit => ({
    id: name(String(n)),
    transfers,
    ok: {},
    ...more,
  })
  const leg = (no: number, kind: 'post' | 'reserve', debit: string, credit: string, amount: string) => ({
    id: name(`${String(n)}/${String(no)}`),
    ledger,
    kind,
    debit,
    credit,
    amount,
    subject: 'crash',
  })
  switch (n % 8) {
    case 1:
      return unit([leg(0, 'reserve', wallet, merchant, '3')])
    case 2:
      return unit([leg(0, 'post', wallet, merchant, '2'), leg(1, 'post', merchant, other, '1')])
    case 3: {
      const legs = [leg(0, 'post', wallet, merchant, '5'), leg(1, 'post', other, merchant, '5')]
      return unit(
        legs.map((one) => ({ ...one, up_to: true })),
        { total: '5' },
      )
    }
    case 1 + HELD_FOR:
      return unit([
        {
          id: name(`${String(n)}/0`),
          ledger,
          kind: 'confirm',
          pending: name(`${String(n - HELD_FOR)}/0`),
          subject: 'crash',
        },
      ])
    default: {
      const event = { id: eventOf(n), feed: 'usr_crash', name: 'source.updated' as const, body: { n } }
      return unit([leg(0, 'post', cash, wallet, '10')], { ok: { events: [event] } })
    }
  }
}

export function eventOf(n: number): string {
  return `evt_crash_${String(n).padStart(9, '0')}`
}

/** The unit that must have been answered before this one is sent. */
export function neededBy(n: number): number | undefined {
  return n % 8 === 1 + HELD_FOR ? n - HELD_FOR : undefined
}

/** How many transfers it leaves: a leg up to a total that has nothing left to move is left out. */
export function transfersOf(n: number): number {
  return n % 8 === 2 ? 2 : 1
}
