/** The operator connector's door. */
export { makeCamaraOtpSender, readCamaraCredentials, type CamaraOtpConfig, type CamaraOtpSender } from './otp.ts'
