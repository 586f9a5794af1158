import type { JSX } from 'preact'
import type { Router } from './model/router.ts'
import type { Wallet } from './model/wallet.ts'
import { formatMoney } from './model/money.ts'
import { errorText } from './model/words.ts'
import { Notice } from './parts/basics.tsx'
import { App, useApp, useChanges } from './parts/hooks.ts'
import { Icon, type IconName } from './parts/icons.tsx'
import { LineBar } from './parts/line-bar.tsx'
import { Accounts, Link } from './screens/accounts.tsx'
import { Code } from './screens/code.tsx'
import { Consent } from './screens/consent.tsx'
import { Devices } from './screens/devices.tsx'
import { History } from './screens/history.tsx'
import { Home } from './screens/home.tsx'
import { Me } from './screens/me.tsx'
import { OwnMoney } from './screens/own-money.tsx'
import { Pay } from './screens/pay.tsx'
import { OrderScreen, PaymentScreen } from './screens/payment.tsx'
import { Pin } from './screens/pin.tsx'
import { Send } from './screens/send.tsx'

/** The app of an enrolled device. */
export function Main(props: { wallet: Wallet; router: Router; onForget: () => Promise<void> }): JSX.Element {
  const { wallet, router } = props
  useChanges(router)
  return (
    <App.Provider value={{ wallet, router }}>
      <LineBar />
      <Ended />
      <Asked screen={router.place.screen} />
      <main id="main" tabIndex={-1}>
        <Place router={router} onForget={props.onForget} />
      </main>
      <Tabs screen={router.place.screen} />
    </App.Provider>
  )
}

function Place({ router, onForget }: { router: Router; onForget: () => Promise<void> }): JSX.Element {
  const { screen, id } = router.place
  switch (screen) {
    case 'pay':
      return <Pay />
    case 'send':
      return <Send />
    case 'topup':
      return <OwnMoney key="topup" kind="topup" />
    case 'withdraw':
      return <OwnMoney key="withdraw" kind="withdrawal" />
    case 'order':
      return <OrderScreen key={id} orderKey={id ?? ''} />
    case 'payment':
      return <PaymentScreen key={id} id={id ?? ''} />
    case 'history':
      return <History />
    case 'me':
      return <Me onForget={onForget} />
    case 'accounts':
      return <Accounts />
    case 'link':
      return <Link />
    case 'code':
      return <Code />
    case 'consent':
      return <Consent key={id} id={id ?? ''} />
    case 'devices':
      return <Devices />
    case 'pin':
      return <Pin />
    default:
      return <Home />
  }
}

/** The server will not have this device any more: what is shown is the past, and nothing can be sent. */
function Ended(): JSX.Element | null {
  const { wallet } = useApp()
  if (wallet.line !== 'ended') return null
  return (
    <Notice tone="bad">
      This phone is signed out. {errorText(wallet.ended)} To go on, remove the wallet from this browser under “Me” and
      sign up again.
    </Notice>
  )
}

/** What needs the person now, on whichever screen they are. */
function Asked({ screen }: { screen: string }): JSX.Element | null {
  const { wallet } = useApp()
  const { asked } = wallet
  if (asked !== undefined && screen !== 'consent') {
    return (
      <Notice tone="warn">
        <div role="alert">
          {asked.payee_name} asks for {formatMoney(asked.amount, asked.currency)}.{' '}
          <a class="link" href={`#/consent/${asked.id}`}>
            Look at it
          </a>
        </div>
      </Notice>
    )
  }
  if (!wallet.isRestricted || screen === 'devices') return null
  return (
    <Notice tone="warn">
      This phone is new and can only look.{' '}
      <a class="link" href="#/devices">
        Approve it
      </a>
    </Notice>
  )
}

const TABS: { screen: string; icon: IconName; word: string }[] = [
  { screen: 'home', icon: 'home', word: 'Home' },
  { screen: 'pay', icon: 'scan', word: 'Pay' },
  { screen: 'code', icon: 'code', word: 'Code' },
  { screen: 'history', icon: 'list', word: 'History' },
  { screen: 'me', icon: 'person', word: 'Me' },
]

function Tabs({ screen }: { screen: string }): JSX.Element {
  return (
    <nav class="tabs" aria-label="Main">
      {TABS.map((tab) => (
        <a key={tab.screen} href={`#/${tab.screen}`} aria-current={tab.screen === screen ? 'page' : undefined}>
          <Icon name={tab.icon} />
          {tab.word}
        </a>
      ))}
    </nav>
  )
}
