import type { JSX } from 'preact'

/** Line icons on a 24 by 24 grid; decoration only, so no name. */
const PATHS = {
  home: 'M4 11l8-7 8 7v8a1 1 0 0 1-1 1h-4v-6H9v6H5a1 1 0 0 1-1-1z',
  scan: 'M4 8V5a1 1 0 0 1 1-1h3M16 4h3a1 1 0 0 1 1 1v3M20 16v3a1 1 0 0 1-1 1h-3M8 20H5a1 1 0 0 1-1-1v-3M7 12h10',
  code: 'M4 6v12M8 6v12M11 6v12M15 6v12M17.5 6v12M20 6v12',
  list: 'M5 7h14M5 12h14M5 17h9',
  person: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM5 20c.8-3.4 3.600-5 7-5s6.200 1.600 7 5',
  send: 'M5 12h13M13 6l6 6-6 6',
  plus: 'M12 5v14M5 12h14',
  out: 'M12 4v11M7 10l5 5 5-5M5 20h14',
  back: 'M14 6l-6 6 6 6',
  next: 'M10 6l6 6-6 6',
  check: 'M6 12.500l4 4 8-9',
  cross: 'M7 7l10 10M17 7L7 17',
  clock: 'M12 7v5l3 2M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16z',
  bank: 'M4 10l8-5 8 5M5 10h14M7 10v7M12 10v7M17 10v7M4 19h16',
  phone: 'M8 3h8a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1H8a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1zM11 18h2',
  wallet: 'M4 8a2 2 0 0 1 2-2h11v3M4 8v9a2 2 0 0 0 2 2h13v-9H6a2 2 0 0 1-2-2zM16 14.500h.5',
  shop: 'M4 9l1.500-4h13L20 9M5 9v10h14V9M4 9a2.700 2.700 0 0 0 5.300 0 2.700 2.700 0 0 0 5.400 0A2.700 2.700 0 0 0 20 9',
  lock: 'M7 11V8a5 5 0 0 1 10 0v3M6 11h12v9H6z',
} as const

export type IconName = keyof typeof PATHS

export function Icon({ name }: { name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  )
}

/** An anchor in a ring: the product's mark. */
export function Mark(): JSX.Element {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="9" />
      <path d="M16 9.500a2.250 2.250 0 1 0 0-.01M16 11.700V24M11.500 14.500h9M7.500 18.500c.8 3.700 4 5.500 8.500 5.500s7.700-1.800 8.500-5.500" />
    </svg>
  )
}
