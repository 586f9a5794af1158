import type { OtpSender, SimSwap } from '../port.ts'
import { makeCamaraOtpSender, type CamaraOtpConfig } from './otp.ts'
import { makeCamaraSimSwap } from './sim-swap.ts'

/** What an operator tells of who holds a number: one-time passwords, and when its SIM card was changed. */
export type CamaraIdentity = { otp: OtpSender; simSwap: SimSwap; close(): Promise<void> }

export function makeCamaraIdentity(config: CamaraOtpConfig): CamaraIdentity {
  const otp = makeCamaraOtpSender(config)
  const simSwap = makeCamaraSimSwap(config)
  return {
    otp,
    simSwap,
    close: async () => {
      await Promise.all([otp.close(), simSwap.close()])
    },
  }
}
