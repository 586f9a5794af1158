import { DefaultFailureConverter } from '@temporalio/common'

/**
 * Failures as Temporal stores them, message and stack trace encrypted like any payload: either may quote what it failed
 * on. Loaded by its path, in client, worker and workflows alike.
 */
export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true })
