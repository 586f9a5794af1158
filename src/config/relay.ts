import { z } from 'zod'
import { CommonEnv } from './env.ts'

/** The relay's settings. */
export const RelayEnv = CommonEnv.extend({ DATABASE_URL: z.string().min(1) })
