import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { normaliseIban } from '../../../src/domain/iban.ts'
import { newKey } from '../model/key.ts'
import { kindOf, type Source } from '../model/sources.ts'
import { Choice, Fault, Field, Form, Screen, Submit } from '../parts/basics.tsx'
import { useAction, useApp, useAsked } from '../parts/hooks.ts'
import { Icon } from '../parts/icons.tsx'

/** Linked accounts: what can be paid with besides the wallet. */
export function Accounts(): JSX.Element {
  const { wallet } = useApp()
  const shown = wallet.sources.filter(({ status }) => status !== 'revoked')
  return (
    <Screen title="Linked accounts" back="#/me">
      {shown.length === 0 && <p class="empty">None yet. Link one to top up, or to pay from it directly.</p>}
      <ul class="list">
        {shown.map((source) => (
          <Account key={source.id} source={source} />
        ))}
      </ul>
      <a class="primary" href="#/link">
        Link an account
      </a>
    </Screen>
  )
}

function Account({ source }: { source: Source }): JSX.Element {
  const { wallet } = useApp()
  const { isRunning, fault, run } = useAction()
  const [sure, setSure] = useState(false)
  const [key] = useState(newKey)
  const { id, label, type, status } = source
  const unlink = () =>
    run(async () => {
      await wallet.client.unlink({ source: id, key })
      await wallet.refreshSources()
    })
  const respond = () =>
    run(async () => {
      await wallet.client.respondToSource({ source: id })
      await wallet.refreshSources()
    })
  return (
    <li>
      <div class="row">
        <span class="row-icon">
          <Icon name={type === 'bank' ? 'bank' : 'phone'} />
        </span>
        <span class="row-text">
          <span class="row-title">{label}</span>
          <span class="row-hint">{status === 'active' ? kindOf(type) : 'Waiting for your approval there'}</span>
        </span>
        {status === 'requires_action' && (
          <button type="button" class="small" aria-busy={isRunning} onClick={respond}>
            I approved it
          </button>
        )}
        <button type="button" class="small" aria-expanded={sure} onClick={() => setSure(!sure)}>
          Unlink<span class="hidden"> {label}</span>
        </button>
      </div>
      {sure && (
        <div class="sure" role="group" aria-label={`Unlink ${label}`}>
          <p>Payments under way go on. New ones can no longer use it.</p>
          <button type="button" class="danger" aria-busy={isRunning} onClick={unlink}>
            Yes, unlink
          </button>
        </div>
      )}
      <Fault error={fault} />
    </li>
  )
}

/** A bank account by its IBAN, or the mobile money of this number. */
export function Link(): JSX.Element {
  const { wallet, router } = useApp()
  const { asked, again } = useAsked('options', () => wallet.client.command('source.options', {}))
  const [chosen, setChosen] = useState<string | null>(null)
  const [account, setAccount] = useState('')
  const [accountFault, setAccountFault] = useState<string | null>(null)
  const { isRunning, fault, run } = useAction()
  if (asked.at !== 'answered') {
    return (
      <Screen title="Link an account" back="#/accounts">
        {asked.at === 'asking' ? <p class="empty">Looking up where…</p> : <Fault error={asked.error} again={again} />}
      </Screen>
    )
  }
  const { banks, operators } = asked.value
  const options = [
    ...banks.map(({ id, name }) => ({ value: `bank ${id}`, label: name, hint: 'Bank account', icon: 'bank' as const })),
    ...operators
      .filter(({ kinds }) => kinds.includes('mobile_money'))
      .map(({ id, name }) => ({
        value: `money ${id}`,
        label: name,
        hint: `Mobile money of ${wallet.phone}`,
        icon: 'phone' as const,
      })),
  ]
  const [kind, id = ''] = (chosen ?? options[0]?.value ?? '').split(' ')
  const link = () => {
    const iban = normaliseIban(account)
    if (kind === 'bank' && iban === null) {
      setAccountFault('This is no IBAN. Copy it from your bank’s app, like DE89 3704 0044 0532 0130 00.')
      return
    }
    setAccountFault(null)
    run(async () => {
      if (kind === 'bank') await wallet.client.linkBank({ bank: id, account: iban ?? '' })
      else await wallet.client.linkMobileMoney({ operator: id })
      await wallet.refreshSources()
      router.replace('#/accounts')
    })
  }
  return (
    <Screen title="Link an account" back="#/accounts">
      <Form onSubmit={link}>
        <Choice legend="Where" name="where" value={`${kind} ${id}`} onChoose={setChosen} options={options} />
        {kind === 'bank' && (
          <Field
            label="IBAN"
            value={account}
            onInput={setAccount}
            fault={accountFault}
            input={{ autocapitalize: 'characters', spellcheck: false }}
          />
        )}
        <Fault error={fault} />
        <Submit busy={isRunning}>Link</Submit>
      </Form>
    </Screen>
  )
}
