import { Cast } from './cast.ts'
import { moneyComesBack, takenBackLater } from './comes-back.ts'
import { everyWay } from './every-way.ts'
import type { Patience } from './patience.ts'
import type { Phone } from './phone.ts'
import { giveBack } from './refunds.ts'
import type { Stack } from './stack.ts'
import { troubles } from './troubles.ts'

/**
 * The whole demo: paid in every way, each end checked on every side. Answers how many payments and refunds it made. The
 * bank takes its time to take money back, so that payment comes before what else goes wrong, and its end after it.
 */
export async function story(
  stack: Stack,
  patience: Patience,
  phones: Phone[],
): Promise<Pick<Cast, 'payments' | 'refunds'>> {
  const cast = await Cast.gather(stack, patience, phones)
  const { fromWallet, fromBank } = await everyWay(cast)
  const taken = await takenBackLater(cast)
  await troubles(cast)
  await giveBack(cast, { fromWallet, fromBank })
  await moneyComesBack(cast, taken)
  return cast
}
