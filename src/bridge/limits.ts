/** Every size, wait and rate of the bridge, with its unit. */
export const BRIDGE_LIMITS = {
  body_bytes: 64 * 1024,
  json_depth: 32,
  header_bytes: 16 * 1024,
  headers_timeout_ms: 5_000,
  request_timeout_ms: 10_000,
  keep_alive_timeout_ms: 72_000,
  check_connections_every_ms: 1_000,
  /** How long a hub is waited for; longer where it asks the operator. */
  hub_timeout_ms: 10_000,
  hub_operator_timeout_ms: 15_000,
  /** A merchant, by its key. */
  merchant_per_s: 1_000,
  merchant_burst: 1_000,
  /** An address on the public routes; lifted for loopback where caps are off. */
  address_per_s: 10,
  address_burst: 40,
  /** Sign-ups from a network, a /24 or a /48: as from five addresses; lifted likewise. */
  network_per_s: 50,
  network_burst: 200,
  /** Rails' callbacks from one address, whoever they are of; lifted likewise. */
  callbacks_per_s: 500,
  callbacks_burst: 2_000,
  /** Secret keys from one address that no hub took of late; lifted likewise. */
  guess_per_s: 10,
  guess_burst: 40,
  /** A key that a hub took is known so long after it was last used, and so many are. */
  key_known_ms: 600_000,
  keys_known: 20_000,
  /** A request waits at most this long for what a hub says to another with its key. */
  key_wait_ms: 5_000,
  /** Buckets kept; the least used one is forgotten, that is full again. */
  buckets: 20_000,
  drain_timeout_ms: 20_000,
} as const
