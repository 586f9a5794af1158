export * from './connection.ts'
export * from './messages.ts'
export * from './reply.ts'
export * from './subjects.ts'
