import type { CodeMaker, Identity, Saved } from '../../mobile/index.ts'
import type { OrdersOf } from './order-book.ts'
import type { Device, Source } from './sources.ts'

/** What this browser keeps. The key pair is a CryptoKeyPair that cannot be exported: IndexedDB holds it, no script reads it. */
export type Kept = {
  device: { pair: CryptoKeyPair; identity: Identity; phone: string }
  /** The SDK's state and cursors. */
  state: Saved
  /** When the server was last heard, by this device's clock. */
  heard: number
  orders: OrdersOf
  sources: Source[]
  devices: Device[]
  /** What makes this device's payment codes; its key cannot be exported either. */
  code: CodeMaker
}

const STORE = 'kept'
/** On the disk once written: an order is there before its command goes out. The server says the rest again. */
const STRICT: ReadonlySet<keyof Kept> = new Set(['device', 'orders', 'code'])

/** One value a name, in IndexedDB. A write is there once its promise resolves. */
export class Vault {
  readonly #database: IDBDatabase

  private constructor(database: IDBDatabase) {
    this.#database = database
  }

  static async open(name = 'mooring'): Promise<Vault> {
    const request = indexedDB.open(name, 1)
    request.addEventListener('upgradeneeded', () => request.result.createObjectStore(STORE))
    return new Vault(await settled(request))
  }

  async get<N extends keyof Kept>(name: N): Promise<Kept[N] | null> {
    const kept: unknown = await settled(this.#database.transaction(STORE).objectStore(STORE).get(name))
    return isKept(name, kept) ? kept : null
  }

  put<N extends keyof Kept>(name: N, value: Kept[N]): Promise<void> {
    return this.#write(STRICT.has(name) ? 'strict' : 'relaxed', (store) => store.put(value, name))
  }

  /** Forgets everything, the key first of all. */
  clear(): Promise<void> {
    return this.#write('strict', (store) => store.clear())
  }

  #write(durability: IDBTransactionDurability, act: (store: IDBObjectStore) => void): Promise<void> {
    const transaction = this.#database.transaction(STORE, 'readwrite', { durability })
    act(transaction.objectStore(STORE))
    return new Promise((resolve, reject) => {
      transaction.addEventListener('complete', () => resolve())
      transaction.addEventListener('abort', () => reject(transaction.error ?? new Error('IndexedDB gave up')))
    })
  }
}

const HAS: { readonly [N in keyof Kept]: (value: object) => boolean } = {
  device: (value) => 'pair' in value && 'identity' in value && 'phone' in value,
  state: (value) => 'cursors' in value && 'payments' in value,
  heard: () => false,
  // Without their user nobody knows whose key they are for: what became of them is in the history.
  orders: (value) => 'user' in value && 'orders' in value,
  sources: Array.isArray,
  devices: Array.isArray,
  code: (value) => 'number' in value && 'key' in value,
}

/** What is not of its kind, an earlier version of this page has written: it counts as not there. */
function isKept<N extends keyof Kept>(name: N, value: unknown): value is Kept[N] {
  if (name === 'heard') return typeof value === 'number'
  return typeof value === 'object' && value !== null && HAS[name](value)
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result))
    request.addEventListener('error', () => reject(request.error ?? new Error('IndexedDB')))
  })
}
