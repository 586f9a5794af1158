import { plainAddress } from './address.ts'

/** Whether what a peer at this address says of who is behind it is believed. */
export type TrustedProxy = (address: string) => boolean

/**
 * Who is there: the peer, or where that is a proxy of ours the right-most address of X-Forwarded-For that is no proxy
 * of ours. Each proxy adds at the right whom it sees, so that what a client sends itself stands further left than its
 * own address. Where there are only proxies the first of them asks for itself. A header that is ill-formed as far as it
 * is read tells nothing: then it is the peer.
 * @param forwarded every X-Forwarded-For of the request in turn, with commas between
 */
export function clientAddress(peer: string, forwarded: string | undefined, isProxy: TrustedProxy): string {
  if (forwarded === undefined || !isProxy(peer)) return peer
  const hops = forwarded.split(',').map((hop) => plainAddress(hop.trim()))
  const client = hops.findLastIndex((hop) => hop === null || !isProxy(hop))
  return hops[Math.max(client, 0)] ?? peer
}
