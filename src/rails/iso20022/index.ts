/** The bank connector's door. */
export { makeIso20022Rail, type Iso20022Config } from './rail.ts'
export { readIso20022Keys } from './keys.ts'
