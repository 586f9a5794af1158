import type { CommandAnswer, Mooring } from '../../clients/mobile/index.ts'

type OnePayment = Extract<CommandAnswer<'payment.resolve_qr'>, { payment: unknown }>

/** What the code of one payment asks for. @throws where it is a store's sticker */
export async function scan(client: Pick<Mooring, 'command'>, payload: string): Promise<OnePayment> {
  const scanned = await client.command('payment.resolve_qr', { payload })
  if ('offer' in scanned) throw new Error('the code of one payment is no sticker')
  return scanned
}
