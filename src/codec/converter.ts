import { fileURLToPath } from 'node:url'
import type { DataConverter } from '@temporalio/common'
import { makePayloadCodec } from './codec.ts'
import type { KeyRing } from './ring.ts'

/** Of the module that converts failures; the workflow bundle is built with it. */
export const FAILURE_CONVERTER_PATH = fileURLToPath(new URL('failure-converter.ts', import.meta.url))

/** For Temporal's client and worker, both: what one wrote the other reads. */
export function makeDataConverter(ring: KeyRing): DataConverter {
  return { payloadCodecs: [makePayloadCodec(ring)], failureConverterPath: FAILURE_CONVERTER_PATH }
}
