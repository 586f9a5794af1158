import { seeded, shuffled } from '../../support/seed.ts'

/** What is done to the way of an event from its commit to its phone. */
export const RESUME_BLOWS = [
  'the leading relay killed',
  'a relay killed between ack and mark',
  'NATS killed',
  'NATS lost with its stream',
  'an edge killed',
  'phones cut off',
  'events doubled',
] as const
export type ResumeBlow = (typeof RESUME_BLOWS)[number]

/** The same for the same seed: each comes once before any comes again. */
export function dealResume(seed: number, count: number): ResumeBlow[] {
  const random = seeded(seed)
  const rounds = Math.ceil(count / RESUME_BLOWS.length)
  return Array.from({ length: rounds }, () => shuffled(RESUME_BLOWS, random))
    .flat()
    .slice(0, count)
}
