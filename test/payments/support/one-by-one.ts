import type { Next, StepName, Strides } from '../../../src/payments/index.ts'

/** The steps each by itself, as if whatever follows were left to another process. */
export function oneByOne(strides: Strides): Record<StepName, (id: string) => Promise<Next>> {
  const alone = (step: StepName) => async (id: string) => (await strides[step](id, null)).next
  return {
    reserve: alone('reserve'),
    dispatch: alone('dispatch'),
    confirm: alone('confirm'),
    release: alone('release'),
    hold: alone('hold'),
    look: alone('look'),
    inquire: alone('inquire'),
  }
}
