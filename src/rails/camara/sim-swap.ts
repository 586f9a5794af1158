import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Clock } from '../../domain/clock.ts'
import type { Log } from '../../observe/log.ts'
import type { SimSwap } from '../port.ts'
import { makeBearerTokens, type ClientCredentials } from '../common/client-credentials.ts'
import { makeOperatorClient, makeOperatorHttp, TOKEN_PATH } from './client.ts'

/** When a phone number was last moved to another SIM card, by CAMARA SIM Swap v1. */
export type CamaraSimSwapConfig = {
  /** The operator's API root. */
  baseUrl: string
  credentials: ClientCredentials
  clock: Clock
  log: Log
  /** Source of x-correlator values. */
  correlator?: () => string
}

export type CamaraSimSwap = SimSwap & { close(): Promise<void> }

const PATH = '/sim-swap/v1/retrieve-date'
const SCOPE = 'sim-swap:retrieve-date'
/** The operator's clock may be ahead of ours by this much. */
const AHEAD_MS_MAX = 300_000

const SwapDate = z.object({ latestSimChange: z.iso.datetime({ offset: true }) })

export function makeCamaraSimSwap(config: CamaraSimSwapConfig): CamaraSimSwap {
  const { origin, pathname } = new URL(config.baseUrl)
  const path = `${pathname.replace(/\/$/, '')}${PATH}`
  const http = makeOperatorHttp(origin)
  const tokens = makeBearerTokens(http, { ...config.credentials, path: TOKEN_PATH, scope: SCOPE }, config.clock)
  const operator = makeOperatorClient(http, tokens, config.correlator ?? randomUUID)
  return {
    date: async (phone, signal) => {
      const answer = await operator.post(path, { phoneNumber: phone }, signal)
      const read = answer?.status === 200 ? SwapDate.safeParse(answer.json) : null
      const atMs = read?.success === true ? Date.parse(read.data.latestSimChange) : null
      if (atMs !== null && atMs <= config.clock.now() + AHEAD_MS_MAX) return { kind: 'date', atMs }
      const status = answer?.status ?? 0
      config.log.warn({ status, code: answer?.code ?? null }, 'operator does not tell the date of the SIM card')
      return { kind: 'unknown' }
    },
    close: () => operator.close(),
  }
}
