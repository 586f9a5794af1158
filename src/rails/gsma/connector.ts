import { z } from 'zod'
import { type Connector, InquiriesPerSecond } from '../connector.ts'
import { readGsmaCredentials } from './credentials.ts'
import { makeGsmaRail } from './rail.ts'

const Config = z.strictObject({
  /** The API's root with version: `https://operator.example/v1.2/mm`. */
  url: z.url(),
  /** Our account there, identifier type `accountid`. */
  account: z.string().min(1).max(256).default('mooring'),
  /** Whether `/responses` knows pending requests too; where it does not, "nothing there" is never believed. */
  links_pending: z.boolean().default(false),
  inquiries_per_second: InquiriesPerSecond,
})

/** A mobile money operator by the GSMA Mobile Money API 1.2.0 (connectors.md §3). */
export const gsma: Connector<z.infer<typeof Config>> = {
  serves: ['mobile_money'],
  config: Config,
  make({ url, account, links_pending, inquiries_per_second: inquiriesPerSecond }, id, { keysDir, ...deps }) {
    const rail = makeGsmaRail({
      ...deps,
      id,
      baseUrl: url,
      accountId: account,
      linksPendingRequests: links_pending,
      credentials: readGsmaCredentials(keysDir),
      ...(inquiriesPerSecond === undefined ? {} : { inquiriesPerSecond }),
    })
    return { rail }
  },
}
