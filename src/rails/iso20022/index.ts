/** The bank connector's door. */
export { iso20022 } from './connector.ts'
export { makeIso20022Rail, type Iso20022Config } from './rail.ts'
export { readIso20022Keys } from './keys.ts'
