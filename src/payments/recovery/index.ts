export { type DecideRecovery, makeDecideRecovery, type RecoveryDecision } from './decide.ts'
export { makeRecoverySteps, type RecoveryNext, type RecoverySteps } from './steps.ts'
