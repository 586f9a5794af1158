export * from './supervise.ts'
