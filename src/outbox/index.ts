export { RELAY_LIMITS, type RelayLimits } from './limits.ts'
export { Relay, type RelayOptions, type RelayState } from './relay.ts'
