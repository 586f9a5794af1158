import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { customerCode, type CodeMaker, type CustomerCode } from '../../mobile/index.ts'
import { formatMoney } from '../model/money.ts'
import { Barcode } from '../parts/barcode.tsx'
import { Fault, Notice, Screen } from '../parts/basics.tsx'
import { useAction, useApp, useNow } from '../parts/hooks.ts'
import { Qr } from '../parts/qr.tsx'

/** A code that the shop scans; made on this device, so it needs no network here. */
export function Code(): JSX.Element {
  const { wallet, router } = useApp()
  const { code } = wallet
  const [since] = useState(() => new Date(wallet.client.serverNow()).toISOString())
  const { isRunning, fault, run } = useAction()
  const made = wallet.payments.find(({ kind, created_at }) => kind === 'purchase' && created_at >= since)
  useEffect(() => {
    if (code === null && wallet.line === 'live') run(() => wallet.setUpCode())
  }, [code, wallet.line])
  useEffect(() => {
    if (made !== undefined) router.replace(`#/payment/${made.id}`)
  }, [made?.id])
  return (
    <Screen title="Payment code" back="#/home">
      {code === null ? (
        <>
          <p class="empty">{isRunning ? 'Setting it up…' : 'It is set up once there is a connection.'}</p>
          <Fault error={fault} again={() => run(() => wallet.setUpCode())} />
        </>
      ) : (
        <Rotating maker={code} />
      )}
    </Screen>
  )
}

const LOOK_EVERY_MS = 250

function Rotating({ maker }: { maker: CodeMaker }): JSX.Element | null {
  const { wallet } = useApp()
  const [shown, setShown] = useState<CustomerCode | null>(null)
  useNow(LOOK_EVERY_MS)
  const now = wallet.client.serverNow()
  const step = Math.floor(now / (maker.step_s * 1_000))
  useEffect(() => {
    let isCurrent = true
    customerCode(maker, wallet.client.serverNow()).then(
      (code) => isCurrent && setShown(code),
      () => {},
    )
    return () => {
      isCurrent = false
    }
  }, [maker, step])
  if (shown === null) return null
  const left_s = Math.max(0, Math.ceil((shown.expires_ms - now) / 1_000))
  const digits = shown.code.replaceAll(/(.{4})(?=.)/g, '$1 ')
  return (
    <>
      <section class="ticket">
        <Barcode digits={shown.code} label={`Payment code as a barcode, ${digits}`} />
        <p class="digits">{digits}</p>
        <Qr text={shown.code} label={`Payment code as a QR code, ${digits}`} />
        <p class="soft">
          New code in <span class="count">{left_s}</span> s
        </p>
      </section>
      <p class="soft">
        The shop scans it and is paid from your wallet. Up to {formatMoney(maker.no_touch_max, wallet.config.currency)}{' '}
        at once; above that you are asked here first.
      </p>
      {wallet.line !== 'live' && (
        <Notice tone="warn">
          You are offline. The code works all the same; what was paid shows when you are back.
        </Notice>
      )}
    </>
  )
}
