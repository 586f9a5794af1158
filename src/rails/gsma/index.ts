/** The mobile money connector's door. */
export { gsma } from './connector.ts'
export { makeGsmaRail, type GsmaConfig } from './rail.ts'
export { readGsmaCredentials } from './credentials.ts'
