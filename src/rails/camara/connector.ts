import { z } from 'zod'
import { readKeyFile } from '../../config/env.ts'
import { type Connector, InquiriesPerSecond } from '../connector.ts'
import { readCamaraCredentials } from './otp.ts'
import { makeCamaraRail } from './rail.ts'

const Config = z.strictObject({
  /** The operator's API root: `https://api.operator.example`. */
  url: z.url(),
  /** `two_step` reserves first; `one_step` only where the operator cannot. */
  mode: z.enum(['two_step', 'one_step']).default('two_step'),
  /** The operator's contract says that a repeated clientCorrelator never charges, or gives back, twice. */
  resend_safe: z.boolean().default(false),
  inquiries_per_second: InquiriesPerSecond,
})

/** A mobile operator by CAMARA Carrier Billing (connectors.md §2). */
export const camara: Connector<z.infer<typeof Config>> = {
  serves: ['operator'],
  config: Config,
  make({ url, mode, resend_safe, inquiries_per_second: inquiriesPerSecond }, id, { keysDir, callbackUrl, ...deps }) {
    const rail = makeCamaraRail({
      ...deps,
      id,
      baseUrl: url,
      mode,
      resendSafe: resend_safe,
      credentials: readCamaraCredentials(keysDir),
      callback: { url: callbackUrl, key: Buffer.from(readKeyFile(keysDir, 'camara-callback.key')) },
      ...(inquiriesPerSecond === undefined ? {} : { inquiriesPerSecond }),
    })
    return { rail }
  },
}
