import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { newKey } from '../model/key.ts'
import type { Device } from '../model/sources.ts'
import { ago } from '../model/words.ts'
import { Fault, Form, Notice, Screen, Submit } from '../parts/basics.tsx'
import { useAction, useApp, useNow } from '../parts/hooks.ts'
import { Icon } from '../parts/icons.tsx'
import { isPin, PinField } from '../parts/pin-field.tsx'

/** The user's devices: what each may, since when, and how to shut one out. */
export function Devices(): JSX.Element {
  const { wallet } = useApp()
  const shown = wallet.devices.filter(({ status }) => status !== 'revoked')
  return (
    <Screen title="Devices" back="#/me">
      <p class="lead">Each can pay from your wallet. Shut out one that you no longer have.</p>
      {wallet.isRestricted && <ApproveThis />}
      {shown.length === 0 && <p class="empty">They are shown once there is a connection.</p>}
      <ul class="list">
        {shown.map((device) => (
          <DeviceRow key={device.id} device={device} />
        ))}
      </ul>
    </Screen>
  )
}

const MINUTE_MS = 60_000

function DeviceRow({ device }: { device: Device }): JSX.Element {
  const { wallet } = useApp()
  const now = useNow(MINUTE_MS)
  const { isRunning, fault, run } = useAction()
  const [sure, setSure] = useState(false)
  const [keys] = useState(() => ({ revoke: newKey(), approve: newKey() }))
  const { id, name, status, last_seen_at, current } = device
  const seen = last_seen_at === null ? '' : `last seen ${ago(Date.parse(last_seen_at), now)}`
  const act = (what: 'revoke' | 'approve') =>
    run(async () => {
      if (what === 'revoke') await wallet.client.revokeDevice({ device: id, key: keys.revoke })
      else await wallet.client.approveDevice({ device: id, key: keys.approve })
      await wallet.refreshDevices()
    })
  return (
    <li>
      <div class="row">
        <span class="row-icon">
          <Icon name="phone" />
        </span>
        <span class="row-text">
          <span class="row-title">{name}</span>
          <span class="row-hint">
            {current ? 'This device' : seen}
            {status === 'restricted' && <span class="word warn"> · waits for approval</span>}
          </span>
        </span>
        {status === 'restricted' && !current && !wallet.isRestricted && (
          <button type="button" class="small" aria-busy={isRunning} onClick={() => act('approve')}>
            Approve<span class="hidden"> {name}</span>
          </button>
        )}
        {!current && (
          <button type="button" class="small" aria-expanded={sure} onClick={() => setSure(!sure)}>
            Shut out<span class="hidden"> {name}</span>
          </button>
        )}
      </div>
      {sure && (
        <div class="sure" role="group" aria-label={`Shut out ${name}`}>
          <p>It is signed out at once and can never pay again.</p>
          <button type="button" class="danger" aria-busy={isRunning} onClick={() => act('revoke')}>
            Yes, shut it out
          </button>
        </div>
      )}
      <Fault error={fault} />
    </li>
  )
}

/** A new phone approves itself where its owner knows the account's PIN. */
function ApproveThis(): JSX.Element {
  const { wallet } = useApp()
  const [pin, setPin] = useState('')
  const { isRunning, fault, run } = useAction()
  const approve = () =>
    run(async () => {
      await wallet.client.approveDevice({ device: wallet.device, pin })
      await wallet.refreshDevices()
    })
  return (
    <section>
      <Notice tone="warn">
        This phone is new and can only look. Approve it on another phone of yours, or here by PIN.
      </Notice>
      <Form onSubmit={approve}>
        <PinField label="PIN of your account" value={pin} onInput={setPin} />
        <Fault error={fault} />
        <Submit busy={isRunning} disabled={!isPin(pin)}>
          Approve this phone
        </Submit>
      </Form>
    </section>
  )
}
