import { createContext } from 'preact'
import { useContext, useEffect, useRef, useState } from 'preact/hooks'
import type { Emitter } from '../model/emitter.ts'
import { parseAmount } from '../model/money.ts'
import type { Router } from '../model/router.ts'
import type { Wallet } from '../model/wallet.ts'

/** Renders again whenever the thing changes. */
export function useChanges(thing: Emitter): void {
  const [, again] = useState(0)
  useEffect(() => {
    again((count) => count + 1) // what changed between rendering and now
    return thing.subscribe(() => again((count) => count + 1))
  }, [thing])
}

export const App = createContext<{ wallet: Wallet; router: Router } | null>(null)

/** The wallet and where the app is; inside the app only. */
export function useApp(): { wallet: Wallet; router: Router } {
  const app = useContext(App)
  if (app === null) throw new Error('outside the app')
  useChanges(app.wallet)
  return app
}

/** Time, renewed every `every_ms`. */
export function useNow(every_ms: number): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every_ms)
    return () => clearInterval(timer)
  }, [every_ms])
  return now
}

/** The focus goes to a screen's heading when it appears, so that keyboards and screen readers begin there. */
export function useHeadingFocus(title: string) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${title} · Mooring`
    heading.current?.focus({ preventScroll: true })
    scrollTo(0, 0)
  }, [title])
  return heading
}

/**
 * The focus goes to a field that is asked for again: its form was gone, or its button could not be pressed, while the
 * answer before was looked at, and nothing had the focus then. It is taken from nowhere else.
 */
export function useFieldFocus(isAgain: boolean, asking = 0) {
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => {
    const { activeElement } = document
    const isFree = activeElement === document.body || field.current?.form?.contains(activeElement) === true
    if (isAgain && isFree) field.current?.focus()
  }, [isAgain, asking])
  return field
}

export type Asked<T> = { at: 'asking' } | { at: 'answered'; value: T } | { at: 'failed'; error: unknown }

/** Asks whenever `about` changes; answers that come late are not heard. `again` asks once more. */
export function useAsked<T>(about: string, ask: () => Promise<T>): { asked: Asked<T>; again: () => void } {
  const [asked, setAsked] = useState<{ about: string; state: Asked<T> }>({ about, state: { at: 'asking' } })
  const [round, setRound] = useState(0)
  useEffect(() => {
    let isCurrent = true
    setAsked({ about, state: { at: 'asking' } })
    ask().then(
      (value) => isCurrent && setAsked({ about, state: { at: 'answered', value } }),
      (error: unknown) => isCurrent && setAsked({ about, state: { at: 'failed', error } }),
    )
    return () => {
      isCurrent = false
    }
  }, [about, round])
  // An answer to an earlier question is none to this one.
  return { asked: asked.about === about ? asked.state : { at: 'asking' }, again: () => setRound((n) => n + 1) }
}

/** Runs one action at a time; a press while one runs is not another one. */
export function useAction(): { isRunning: boolean; fault: unknown; run: (act: () => Promise<void>) => void } {
  const running = useRef(false)
  const [state, setState] = useState<{ isRunning: boolean; fault: unknown }>({ isRunning: false, fault: null })
  const run = (act: () => Promise<void>) => {
    if (running.current) return
    running.current = true
    setState({ isRunning: true, fault: null })
    act()
      .then(
        () => setState({ isRunning: false, fault: null }),
        (fault: unknown) => setState({ isRunning: false, fault }),
      )
      .finally(() => {
        running.current = false
      })
      .catch(() => {})
  }
  return { ...state, run }
}

/** An amount being typed: what its field shows, and what it says when read; null where it is none, and the field says why. */
export function useAmount(currency: string) {
  const [value, setValue] = useState('')
  const [fault, setFault] = useState<string | null>(null)
  const onInput = (text: string) => {
    setValue(text)
    setFault(null)
  }
  const read = (): string | null => {
    const amount = parseAmount(value, currency)
    setFault(amount.ok ? null : amount.say)
    return amount.ok ? amount.amountMinor : null
  }
  return { field: { currency, value, onInput, fault }, read }
}
