export { readSite } from './site.ts'
export { makePagesServer, type PagesDeps } from './server.ts'
export type { Desk } from './desk.ts'
export { makeDesk } from './desk.ts'
