export * from './mailbox.ts'
export * from './supervise.ts'
