import type { ListenOptions, Transport, TransportKind } from './port.ts'
import { listenUws, loadUws } from './uws.ts'
import { listenWs } from './ws.ts'

/**
 * Opens the door on the transport that was asked for; `auto` takes uWebSockets.js where it loads and `ws` elsewhere.
 * @throws where `uws` was asked for and does not load, with the ways out
 */
export async function listen(kind: TransportKind | 'auto', options: ListenOptions): Promise<Transport> {
  if (kind === 'ws') return listenWs(options)
  const uws = await loadUws(options.limits)
  if (uws.ok) return listenUws(uws.value, options)
  if (kind === 'auto') return listenWs(options)
  throw new Error(
    `uWebSockets.js does not load here: ${uws.error}\n` +
      'Ways out: --transport ws; a system with glibc 2.38 or newer; the container image, which has one.',
  )
}
