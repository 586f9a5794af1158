export * from './bundle.ts'
export * from './limits.ts'
export * from './starter.ts'
export * from './worker.ts'
