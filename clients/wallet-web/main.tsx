import { render, type ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Main } from './app.tsx'
import { readConfig, type Config } from './model/config.ts'
import { Enrolment } from './model/enrolment.ts'
import { Router } from './model/router.ts'
import { takeTab } from './model/tab-lock.ts'
import { Vault, type Kept } from './model/vault.ts'
import { Wallet } from './model/wallet.ts'
import { Screen } from './parts/basics.tsx'
import { Desk } from './desk/desk.tsx'
import { Welcome } from './screens/welcome.tsx'

/** What the page shows: it is one of these and nothing between. */
type State =
  | { at: 'opening' }
  | { at: 'elsewhere' }
  | { at: 'new'; config: Config; vault: Vault; enrolment: Enrolment }
  | { at: 'in'; config: Config; vault: Vault; wallet: Wallet; router: Router }
  | { at: 'broken' }

function Root() {
  const [state, setState] = useState<State>({ at: 'opening' })
  const [phone, setPhone] = useState<string | null>(null)

  const enter = async (config: Config, vault: Vault, device: Kept['device']) => {
    const wallet = await Wallet.open(config, vault, device)
    addEventListener('online', () => wallet.setOnline(true))
    addEventListener('offline', () => wallet.setOnline(false))
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') wallet.looked()
    })
    setPhone(device.phone)
    setState({ at: 'in', config, vault, wallet, router: new Router() })
  }
  const begin = async (force: boolean) => {
    const isOurs = await takeTab({ force, lost: () => location.reload() })
    if (!isOurs) {
      setState({ at: 'elsewhere' })
      return
    }
    const [config, vault] = await Promise.all([readConfig(), Vault.open()])
    const device = await vault.get('device')
    if (device !== null) await enter(config, vault, device)
    else setState({ at: 'new', config, vault, enrolment: new Enrolment(config, vault) })
  }
  const start = (force: boolean) => {
    begin(force).catch(() => setState({ at: 'broken' }))
  }
  useEffect(() => start(false), [])

  return (
    <div class="stage">
      <div class="phone">{show()}</div>
      {'config' in state && state.config.demo && <Desk phone={phone} currency={state.config.currency} />}
    </div>
  )

  function show() {
    switch (state.at) {
      case 'opening':
        return <main id="main" tabIndex={-1} aria-busy="true" />
      case 'elsewhere':
        return (
          <Only title="Open in another tab">
            <p class="lead">Your wallet is open in another tab or window of this browser.</p>
            <button type="button" class="primary" onClick={() => start(true)}>
              Use it here
            </button>
          </Only>
        )
      case 'broken':
        return (
          <Only title="This page cannot start">
            <p class="lead">Check your network. If you browse privately, allow this page to keep data, then reload.</p>
            <button type="button" class="primary" onClick={() => location.reload()}>
              Reload
            </button>
          </Only>
        )
      case 'new': {
        const { config, vault, enrolment } = state
        const done = (device: Kept['device']) => {
          enter(config, vault, device).catch(() => setState({ at: 'broken' }))
        }
        return (
          <main id="main" tabIndex={-1}>
            <Welcome enrolment={enrolment} onPhone={setPhone} onDone={done} />
          </main>
        )
      }
      case 'in': {
        const { wallet, vault, router } = state
        const forget = async () => {
          await wallet.close()
          await vault.clear()
          location.replace(location.pathname)
        }
        return <Main wallet={wallet} router={router} onForget={forget} />
      }
    }
  }
}

function Only({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <main id="main" tabIndex={-1}>
      <Screen title={title}>{children}</Screen>
    </main>
  )
}

const root = document.querySelector('#app')
if (root !== null) render(<Root />, root)
// Without it the page works all the same, but does not open where there is no network.
navigator.serviceWorker?.register('service-worker.js').catch(() => {})
