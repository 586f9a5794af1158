import postgres from 'postgres'
import { watchedSocket } from './watched-socket.ts'

export type Sql = postgres.Sql<{ bigint: bigint }>
/** What can be asked: a pool or a transaction of one. */
export type Query = postgres.ISql<{ bigint: bigint }>

/**
 * A pool for one purpose. bigint columns arrive as bigint (money never becomes a
 * number), jsonb written from here is passed as text and cast.
 */
export function openDatabase(options: {
  url: string
  name: string
  connections: number
  /** Give a connection up whose server does not answer for this long; above the role's statement_timeout. */
  silenceMs?: number
}): Sql {
  const { silenceMs } = options
  return postgres(options.url, {
    ...(silenceMs === undefined ? {} : { socket: watchedSocket(silenceMs) }),
    max: options.connections,
    types: { bigint: postgres.BigInt },
    // Its look-up of array types at each connect hangs, or throws past every handler, when that connection dies
    // meanwhile; no array crosses this client, lists travel as JSON.
    fetch_types: false,
    connection: { application_name: options.name, tcp_user_timeout: 5_000 },
    connect_timeout: 5,
    // A refused connection is tried again soon: the server is usually back within a second.
    backoff: (attempt) => Math.min(0.05 * 2 ** attempt, 1),
    onnotice: () => {},
  })
}
