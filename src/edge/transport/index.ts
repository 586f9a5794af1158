export * from './port.ts'
export { listen } from './listen.ts'
