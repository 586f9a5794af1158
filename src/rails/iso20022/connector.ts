import { z } from 'zod'
import { makeIban } from '../../domain/iban.ts'
import { type Connector, InquiriesPerSecond } from '../connector.ts'
import { readIso20022Keys } from './keys.ts'
import { makeIso20022Rail } from './rail.ts'

const Config = z.strictObject({
  /** `https://bank.example`, without path. */
  url: z.url(),
  /** BIC of the bank, where customers have their accounts. */
  bic: z
    .string()
    .regex(/^[A-Z0-9]{8}([A-Z0-9]{3})?$/)
    .default('DEMODEFFXXX'),
  /** Our own account there. */
  platform: z
    .strictObject({
      name: z.string().min(1).max(140),
      iban: z.string(),
      bic: z.string().regex(/^[A-Z0-9]{8}([A-Z0-9]{3})?$/),
    })
    .default({ name: 'Mooring', iban: makeIban('DE', '888888880000000001'), bic: 'MOORDEFFXXX' }),
  inquiries_per_second: InquiriesPerSecond,
})

/** A bank by the ISO 20022 instant profile (connectors.md §1). */
export const iso20022: Connector<z.infer<typeof Config>> = {
  serves: ['bank'],
  config: Config,
  make({ url, bic, platform, inquiries_per_second: inquiriesPerSecond }, id, { keysDir, ...deps }) {
    const rail = makeIso20022Rail({
      ...deps,
      id,
      baseUrl: url,
      ...(inquiriesPerSecond === undefined ? {} : { inquiriesPerSecond }),
      platform: { ...platform, customerBic: bic },
      keys: readIso20022Keys(keysDir),
    })
    return { rail, mandates: rail }
  },
}
