export { type DecideRecovery, makeDecideRecovery, type RecoveryDecision } from './decide.ts'
export { makeRecoverySteps, type RecoverySteps } from './steps.ts'
