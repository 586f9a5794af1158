import {
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
  type JetStreamManager,
  type StreamConfig,
} from '@nats-io/jetstream'
import { nanos } from '@nats-io/transport-node'
import { FEED_STREAM, FEED_SUBJECTS, LIVE_PREFIX } from '../bus/index.ts'
import type { RelayLimits } from './limits.ts'

/** Which incarnation of the stream is there, and how far it has come. */
export type StreamState = { createdAt: string; lastSequence: number }

function streamConfig(limits: RelayLimits) {
  return {
    name: FEED_STREAM,
    subjects: [FEED_SUBJECTS],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_age: nanos(limits.stream_max_age_ms),
    max_bytes: limits.stream_max_bytes,
    duplicate_window: nanos(limits.duplicate_window_ms),
    allow_direct: true,
    // Edges hear what the stream stored, with its sequence, and nothing it refused.
    republish: { src: FEED_SUBJECTS, dest: `${LIVE_PREFIX}.>` },
  } satisfies Partial<StreamConfig>
}

/** Creates the stream where it is missing; an existing one keeps its messages and takes our limits. */
export async function ensureStream(manager: JetStreamManager, limits: RelayLimits): Promise<StreamState> {
  const wanted = streamConfig(limits)
  const found = await streamInfo(manager)
  const info =
    found === null
      ? await manager.streams.add(wanted)
      : sameLimits(found.config, wanted)
        ? found
        : await manager.streams.update(FEED_STREAM, wanted)
  return { createdAt: new Date(info.created).toISOString(), lastSequence: info.state.last_seq }
}

async function streamInfo(manager: JetStreamManager) {
  try {
    return await manager.streams.info(FEED_STREAM)
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound) return null
    throw error
  }
}

function sameLimits(have: StreamConfig, want: ReturnType<typeof streamConfig>): boolean {
  return (
    have.max_age === want.max_age &&
    have.max_bytes === want.max_bytes &&
    have.duplicate_window === want.duplicate_window &&
    have.allow_direct &&
    have.republish?.src === want.republish.src &&
    have.republish.dest === want.republish.dest
  )
}
