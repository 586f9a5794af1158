import { Emitter } from './emitter.ts'

/** Where the app is: a screen's name and, for some, what it is about. Kept in the hash, which no server sees. */
export type Place = { screen: string; id: string | null }

export class Router extends Emitter {
  constructor() {
    super()
    addEventListener('hashchange', () => this.changed())
  }

  get place(): Place {
    const [screen = '', id] = location.hash.replace(/^#\/?/, '').split('/')
    return { screen: screen === '' ? 'home' : screen, id: id === undefined || id === '' ? null : id }
  }

  go(path: string): void {
    location.hash = path
  }

  /** Where `back` would bring a finished form again. */
  replace(path: string): void {
    history.replaceState(null, '', path)
    this.changed()
  }
}
