import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { formatMoney } from '../model/money.ts'
import { usable } from '../model/sources.ts'
import { Screen, RowLink, Fault } from '../parts/basics.tsx'
import { useAction, useApp, useAsked } from '../parts/hooks.ts'

const PERIODS = { payment: 'In one payment', day: 'In a day', month: 'In a month' } as const

/** The person's own things: number, accounts, limits. */
export function Me({ onForget }: { onForget: () => Promise<void> }): JSX.Element {
  const { wallet } = useApp()
  const linked = usable(wallet.sources).length
  return (
    <Screen title="Me">
      <p class="who">{wallet.phone}</p>
      <div class="list">
        <RowLink
          href="#/accounts"
          icon="bank"
          title="Linked accounts"
          hint={linked === 0 ? 'None yet' : `${linked} linked`}
        />
        <RowLink
          href="#/devices"
          icon="phone"
          title="Devices"
          hint={wallet.isRestricted ? 'This one waits for approval' : 'What can pay for you'}
        />
        <RowLink href="#/pin" icon="lock" title="PIN" hint="For large payments and new phones" />
      </div>
      <Limits />
      <Forget onForget={onForget} />
    </Screen>
  )
}

function Limits(): JSX.Element {
  const { wallet } = useApp()
  const { asked } = useAsked('limits', () => wallet.client.command('limit.list', {}))
  if (asked.at !== 'answered') return <></>
  return (
    <section>
      <h2>Limits</h2>
      <dl class="terms">
        {asked.value.data.map(({ name, period, max, used, currency }) => (
          <>
            <dt key={name}>{PERIODS[period]}</dt>
            <dd>
              {formatMoney(max, currency)}
              {used !== '0' && <span class="soft"> ({formatMoney(used, currency)} used)</span>}
            </dd>
          </>
        ))}
      </dl>
    </section>
  )
}

function Forget({ onForget }: { onForget: () => Promise<void> }): JSX.Element {
  const [sure, setSure] = useState(false)
  const { isRunning, fault, run } = useAction()
  return (
    <section>
      <button type="button" class="link" aria-expanded={sure} onClick={() => setSure(!sure)}>
        Remove the wallet from this browser
      </button>
      {sure && (
        <div class="sure" role="group" aria-label="Remove the wallet">
          <p>Your money stays with your number: sign up again with it to have it back.</p>
          <button type="button" class="danger" aria-busy={isRunning} onClick={() => run(onForget)}>
            Yes, remove it
          </button>
        </div>
      )}
      <Fault error={fault} />
    </section>
  )
}
