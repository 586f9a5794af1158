export { Edge } from './edge.ts'
export { EDGE_LIMITS, type EdgeLimits } from './limits.ts'
export { listen, type Transport } from './transport/index.ts'
