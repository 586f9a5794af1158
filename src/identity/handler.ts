import type { HubReply, HubRequest } from '../bus/index.ts'

/** Answers one request of a front door. Throws only where a machine is broken: the caller answers `temporarily_unavailable`. */
export type Handler = (request: HubRequest) => Promise<HubReply>
