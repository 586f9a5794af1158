import type { JSX } from 'preact'
import type { Line } from '../model/wallet.ts'
import { clockTime } from '../model/words.ts'
import { useApp } from './hooks.ts'

/** How things stand with the server, in words: nothing here looks newer than it is. */
export function LineBar(): JSX.Element {
  const { wallet } = useApp()
  const { line, heardAt } = wallet
  const since = heardAt === null ? '' : ` · as of ${clockTime(heardAt)}`
  return (
    <div class={`line ${line}`} role="status">
      <span class="line-dot" aria-hidden="true" />
      {WORDS[line]}
      {line === 'live' ? '' : since}
    </div>
  )
}

const WORDS: Record<Line, string> = {
  live: 'Live',
  connecting: 'Connecting…',
  offline: 'Offline',
  ended: 'Signed out',
}
