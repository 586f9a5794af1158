export { OPS_LIMITS } from '../limits.ts'
export { makeLogin } from '../login.ts'
export { sweepSessions } from '../sessions.ts'
export { makeOpsServer } from './server.ts'
