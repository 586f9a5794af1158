export { payment } from './payment.ts'
export { review } from './review.ts'
