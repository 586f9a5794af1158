/** The mobile money connector's door. */
export { makeGsmaRail, type GsmaConfig } from './rail.ts'
export { readGsmaCredentials } from './credentials.ts'
