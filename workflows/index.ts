export { payment } from './payment.ts'
