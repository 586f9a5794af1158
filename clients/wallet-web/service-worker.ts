/**
 * Keeps the page itself, so that it opens where there is no network; what it shows then it says the age of. Money
 * never comes through here: commands go over the socket, and the cache holds files and settings alone.
 */

type ExtendableEvent = Event & { waitUntil(until: Promise<unknown>): void }
type FetchEvent = ExtendableEvent & { request: Request; respondWith(answer: Promise<Response>): void }
declare const self: {
  addEventListener(type: 'install' | 'activate', listener: (event: ExtendableEvent) => void): void
  addEventListener(type: 'fetch', listener: (event: FetchEvent) => void): void
  skipWaiting(): Promise<void>
  clients: { claim(): Promise<void> }
  registration: { scope: string }
}
/** Of these sources; set by the build. */
declare const BUILD: string

const CACHE = `wallet-${BUILD}`
const NETWORK_MS = 3_000

self.addEventListener('install', (event) => event.waitUntil(install()))
self.addEventListener('activate', (event) => event.waitUntil(activate()))
self.addEventListener('fetch', (event) => {
  const { request } = event
  if (request.method !== 'GET' || !request.url.startsWith(self.registration.scope)) return
  const isHashed = new URL(request.url).pathname.includes('/assets/')
  event.respondWith(isHashed ? cacheFirst(request) : networkFirst(request))
})

async function install(): Promise<void> {
  const files: unknown = await (await fetch('offline.json')).json()
  if (!Array.isArray(files)) throw new Error('offline.json is no list')
  const cache = await caches.open(CACHE)
  await cache.addAll([...files.map(String), 'config.json'])
  await self.skipWaiting()
}

async function activate(): Promise<void> {
  for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name)
  await self.clients.claim()
}

async function cacheFirst(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetch(request)
}

/** The network's answer while there is one in time, else what was kept. */
async function networkFirst(request: Request): Promise<Response> {
  try {
    const response = await fetch(request, { signal: AbortSignal.timeout(NETWORK_MS) })
    if (response.ok) await (await caches.open(CACHE)).put(request, response.clone())
    return response
  } catch (error) {
    const kept = await caches.match(request, { ignoreSearch: true })
    if (kept !== undefined) return kept
    throw error
  }
}
