import type { DevJson } from '../../../tools/dev-json.ts'
import { random, type Json } from '../../e2e/support/raw-key.ts'
import type { RawPhone } from '../../e2e/support/raw-phone.ts'
import { granted, http, text } from '../../e2e/support/raw-rest.ts'
import { RawSocket } from '../../e2e/support/raw-socket.ts'

/** Whose feed a witness hears, and how it gets in: a phone of a user's, or a till of a merchant's. */
export type Ear = {
  feed: string
  /** Up to `ready`. @throws with the close code where it is shut out */
  connect(feeds: Json | undefined, edge: string | undefined): Promise<RawSocket>
  renew(): Promise<void>
}

export function earOfPhone(phone: RawPhone): Ear {
  return {
    feed: phone.user,
    connect: async (feeds, edge) => {
      await phone.connect(feeds, edge)
      return phone.socket
    },
    renew: () => phone.renew(),
  }
}

/** @param store hears that store's feed; without it the merchant's, of all stores */
export async function earOfMerchant(
  { bridge }: DevJson,
  { id, secret_key }: { id: string; secret_key: string },
  store?: string,
): Promise<Ear> {
  let token = ''
  const renew = async () => {
    const answer = await http(`${bridge}/socket_tokens`, {
      headers: { authorization: `Bearer ${secret_key}`, 'idempotency-key': random(18) },
      body: store === undefined ? {} : { store },
    })
    token = text(granted(answer), 'token')
  }
  await renew()
  return {
    feed: store ?? id,
    connect: async (feeds, edge) => {
      const socket = await RawSocket.open(edge ?? '')
      await socket.frame('challenge', ({ t }) => t === 'challenge')
      socket.send({ t: 'hello', token, agent: 'till/1', ...(feeds === undefined ? {} : { feeds }) })
      await socket.frame('ready', ({ t }) => t === 'ready')
      return socket
    },
    renew,
  }
}
