import { afterAll, beforeAll, describe } from 'vitest'
import { shapes } from './contract/shapes.ts'
import { sockets } from './contract/sockets.ts'
import { openStage, type Stage } from './support/raw-stage.ts'

/** What a socket is held to, where edges speak through uWebSockets.js. */

let opened: { stage: Stage; close: () => Promise<void> }
const stage = () => opened.stage

beforeAll(async () => {
  opened = await openStage(['--transport', 'uws'])
  const { treasury, ben } = opened.stage
  // Everybody hears of money once.
  await treasury.transfer(ben.user, '1000')
})
afterAll(() => opened?.close())

describe('the shape of a command', () => shapes(stage))
describe('a socket', () => sockets(stage))
