/** Mooring's SDK for phones and browsers: see README.md. Nothing here needs Node. */
export { connect, open } from './connect.ts'
export type { Mooring } from './mooring.ts'
export type { CommandOptions, ConnectOptions } from './options.ts'
export { enrol, type EnrolOptions, type Identity } from './enrol.ts'
export { AccessTokens } from './access-tokens.ts'
export {
  deviceKey,
  exportKeyPair,
  generateDeviceKey,
  generateKeyPair,
  importKeyPair,
  type DeviceKey,
} from './device-key.ts'
export { codeKey, customerCode, type CodeMaker, type CustomerCode } from './customer-code.ts'
export { MooringError, type ClientCode, type Outcome } from './errors.ts'
export type { MooringEvent } from './events.ts'
export { isTerminal } from './local-state.ts'
export type {
  AccountOrder,
  BankLink,
  ConsentOrder,
  DeviceApproval,
  DeviceOrder,
  OrderOptions,
  PayOrder,
  PinChange,
  TransferOrder,
} from './money-orders.ts'
export type { CommandAnswer, CommandBody, CommandName } from './answers.ts'
export {
  platform,
  type Clock,
  type Fetch,
  type Ports,
  type Random,
  type Socket,
  type SocketFactory,
  type SocketListener,
  type Subtle,
} from './ports.ts'
export type { SessionStatus } from './session.ts'
export type { Saved, Store } from './store.ts'
