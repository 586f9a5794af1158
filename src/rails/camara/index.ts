/** The operator connector's door. */
export { camara } from './connector.ts'
export { makeCamaraIdentity } from './identity.ts'
export { makeCamaraOtpSender, readCamaraCredentials, type CamaraOtpSender } from './otp.ts'
export { makeCamaraRail, type CamaraRailConfig } from './rail.ts'
export { makeCamaraSimSwap } from './sim-swap.ts'
