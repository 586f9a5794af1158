import { afterAll, beforeAll, expect, test } from 'vitest'
import { openStage, type Stage } from './support/acceptance.ts'

/** The same command sent again while its first sending is still at work, at another hub: one answer, whoever is first. */
let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterAll(() => stage.close())

test('a confirm whose first sending is accepted after the key of the second was looked up gets the stored answer', async () => {
  const phone = await stage.phone(10_000)
  const order = await stage.order(700)
  const { ask, body } = await stage.confirm(phone, order)
  const [first, second] = [stage.hub(), stage.hub({ process: 1 })]
  const answers: unknown[] = []
  // Between its look-up and all that it decides by, the other sending commits.
  second.deps.store = {
    ...stage.store,
    payment: async (id) => {
      if (answers.length === 0) answers.push(await first.ask(phone, ask, body))
      return stage.store.payment(id)
    },
  }
  answers.push(await second.ask(phone, ask, body))
  expect(answers).toEqual([
    { id: order.id, status: 'processing', version: 2, captured: '0' },
    { id: order.id, status: 'processing', version: 2, captured: '0' },
  ])
  expect(first.started).toEqual([order.id])
  expect(second.started).toEqual([])
  expect(await stage.wallet(phone)).toMatchObject({ held: 700n })
  expect(await stage.breaches()).toEqual([])
})

test('a signature spent by another command is refused all the same', async () => {
  const phone = await stage.phone(10_000)
  const order = await stage.order(700)
  const { ask, body } = await stage.confirm(phone, order)
  const hub = stage.hub()
  expect(await hub.ask(phone, ask, body)).toMatchObject({ status: 'processing' })
  expect(await hub.ask(phone, { ...ask, key: `${ask.key}again` }, body)).toMatchObject({
    code: 'confirmation_replayed',
  })
})
