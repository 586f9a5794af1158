/** The operator connector's door. */
export { makeCamaraOtpSender, readCamaraCredentials, type CamaraOtpSender } from './otp.ts'
