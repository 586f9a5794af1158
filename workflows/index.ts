export { mandate } from './mandate.ts'
export { payment } from './payment.ts'
export { refund } from './refund.ts'
export { review } from './review.ts'
