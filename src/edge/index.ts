export { Edge } from './edge.ts'
export { EDGE_LIMITS, type EdgeLimits } from './limits.ts'
export type { Transport } from './transport.ts'
export { listenWs } from './ws.ts'
