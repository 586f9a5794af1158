export { RELAY_LIMITS } from './limits.ts'
export { Relay } from './relay.ts'
