import type { Command } from '../command.ts'
import { verifyAuditLog } from './audit-log.ts'
import { addOperatorCommand, disableOperatorCommand, listOperatorsCommand } from './operators.ts'
import { listDevicesCommand, revokeDeviceCommand } from './devices.ts'
import { approve, paymentTimeline, unresolved } from './payments.ts'

/** What operators ask about payments, about each other and about what they did. */
export const DESK_COMMANDS: readonly Command[] = [
  unresolved,
  paymentTimeline,
  approve,
  listDevicesCommand,
  revokeDeviceCommand,
  addOperatorCommand,
  disableOperatorCommand,
  listOperatorsCommand,
  verifyAuditLog,
]
