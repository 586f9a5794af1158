import {
  connect,
  deviceKey,
  enrol,
  exportKeyPair,
  generateKeyPair,
  type Identity,
  type Saved,
  type Store,
} from '../../../clients/mobile/index.ts'

/** What runs in the page of sdk.browser.test.ts: a small wallet that keeps its key and state in IndexedDB. */

type Kept = { pair: CryptoKeyPair; identity: Identity }

const bridge = `${location.origin}/v1`
const url = `ws://${location.host}/v1/socket`

async function signUp(otp: string): Promise<string> {
  const pair = await generateKeyPair()
  const identity = await enrol({
    bridge,
    phone: '+254700000001',
    deviceName: 'A browser',
    key: deviceKey(pair),
    readOtp: () => Promise.resolve(otp),
  })
  await put('device', { pair, identity })
  return identity.device
}

/** Pays what the QR says; the statuses seen. */
async function pay(payload: string): Promise<string[]> {
  const client = await open()
  const scanned = await client.command('payment.resolve_qr', { payload })
  if ('offer' in scanned) throw new Error('the code of one payment is no sticker')
  const { payment, claim } = scanned
  await client.pay({ payment, claim, source: 'wallet' })
  const seen: string[] = []
  for await (const { status } of client.payment(payment.id)) seen.push(status)
  await client.close()
  return seen
}

/** What the wallet knows as soon as it is connected. */
async function known(): Promise<{ payments: string[]; privateKeyStays: boolean }> {
  const client = await open()
  const payments = [...client.payments.values()].map(({ id, status }) => `${id} ${status}`)
  await client.close()
  const { pair } = await get<Kept>('device')
  const privateKeyStays = await exportKeyPair(pair).then(
    () => false,
    () => true,
  )
  return { payments, privateKeyStays }
}

async function open() {
  const { pair, identity } = await get<Kept>('device')
  const store: Store = {
    load: async () => (await get<Saved | undefined>('state')) ?? null,
    save: (saved) => put('state', saved),
  }
  return connect({ url, bridge, identity, key: deviceKey(pair), store })
}

async function database(): Promise<IDBDatabase> {
  const request = indexedDB.open('wallet', 1)
  request.addEventListener('upgradeneeded', () => request.result.createObjectStore('kept'))
  return settled(request)
}

async function put(name: string, value: unknown): Promise<void> {
  await settled((await database()).transaction('kept', 'readwrite').objectStore('kept').put(value, name))
}

async function get<T>(name: string): Promise<T> {
  // The store gives back what was put there under this name.
  return settled((await database()).transaction('kept').objectStore('kept').get(name) as IDBRequest<T>)
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result))
    request.addEventListener('error', () => reject(request.error ?? new Error('IndexedDB')))
  })
}

const wallet = { signUp, pay, known }
export type Wallet = typeof wallet
Object.assign(globalThis, { wallet })
