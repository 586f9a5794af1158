import { Emitter } from './emitter.ts'

/** Where the app is: a screen's name and, for some, what it is about. Kept in the hash, which no server sees. */
export type Place = { screen: string; id: string | null }

export class Router extends Emitter {
  #hash = isPlace(location.hash) ? location.hash : ''

  constructor() {
    super()
    addEventListener('hashchange', () => {
      if (isPlace(location.hash)) {
        this.#hash = location.hash
        this.changed()
      } else {
        // A link into this screen, as to its main part, leads nowhere else; a reload comes back here.
        history.replaceState(null, '', this.#hash)
      }
    })
  }

  get place(): Place {
    const [screen = '', id] = this.#hash.replace(/^#\//, '').split('/')
    return { screen: screen === '' ? 'home' : screen, id: id === undefined || id === '' ? null : id }
  }

  go(path: string): void {
    location.hash = path
  }

  /** Where `back` would bring a finished form again. */
  replace(path: string): void {
    history.replaceState(null, '', path)
    this.#hash = path
    this.changed()
  }
}

/** The page as it is first opened has none. */
function isPlace(hash: string): boolean {
  return hash === '' || hash.startsWith('#/')
}
