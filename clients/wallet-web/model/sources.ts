import type { DeviceView, SourceView } from '../../../src/contract/index.ts'

/** A linked account as this device keeps it. */
export type Source = SourceView
/** A device of this user as this device keeps it. */
export type Device = DeviceView

/** The ways to pay a purchase: the wallet, each account that can be used, the phone bill. */
export type Way = { source: string; label: string; hint: string }

export function waysToPay(sources: readonly Source[], wallet: string): Way[] {
  return [
    { source: 'wallet', label: 'Wallet', hint: wallet },
    ...usable(sources).map(({ id, label, type }) => ({ source: id, label, hint: kindOf(type) })),
    { source: 'operator', label: 'Phone bill', hint: 'Charged by your mobile operator' },
  ]
}

export function usable(sources: readonly Source[]): Source[] {
  return sources.filter(({ status }) => status === 'active')
}

export function kindOf(type: Source['type']): string {
  switch (type) {
    case 'bank':
      return 'Bank account'
    case 'mobile_money':
      return 'Mobile money'
    case 'operator':
      return 'Phone bill'
    case 'wallet':
      return 'Wallet'
  }
}
