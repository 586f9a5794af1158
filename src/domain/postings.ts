export * from './accounting/index.ts'
