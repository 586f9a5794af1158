import { ApplicationFailure, DefaultFailureConverter } from '@temporalio/common'
import { REFUSED } from '../contract/names.ts'

/**
 * Failures as Temporal stores them, message and stack trace encrypted like any payload: either may quote what it failed
 * on. What operators are refused with stays readable, or Temporal's UI and command line would tell them "Encoded failure"
 * and nothing else: those words are ours alone, and carry no trace. Loaded by its path, in client, worker and workflows
 * alike.
 */
class Failures extends DefaultFailureConverter {
  readonly #words = new DefaultFailureConverter()

  override errorToFailure(...[error, ...rest]: Parameters<DefaultFailureConverter['errorToFailure']>) {
    if (!isForOperators(error)) return super.errorToFailure(error, ...rest)
    return { ...this.#words.errorToFailure(error, ...rest), stackTrace: '' }
  }
}

function isForOperators(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error instanceof ApplicationFailure && error.type?.startsWith(REFUSED) === true) return true
  // Of codec.ts, for what came past the codec.
  return error.message.startsWith('Unknown encoding: refused: it ')
}

export const failureConverter = new Failures({ encodeCommonAttributes: true })
