import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** The last bytes of an answer that leaves the server waiting: ReadyForQuery, outside a transaction, so after the commit. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49])
/** How an answer of apply_units to at least one unit reads. */
const ANSWER = '"results":[{'

export type CuttingProxy = {
  port: number
  /** Answers that were taken away after their commit, connection and all. */
  cuts(): number
  close(): Promise<void>
}

/** Between a client and Postgres: some answers of apply_units never arrive. `cut` is asked at each, once it has committed. */
export async function startCuttingProxy(target: number, cut: () => boolean): Promise<CuttingProxy> {
  let cuts = 0
  const open = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1')
    const ends = [client, upstream]
    for (const end of ends) {
      open.add(end)
      end.setNoDelay(true)
      end.on('error', () => {})
      end.on('close', () => {
        open.delete(end)
        for (const each of ends) each.destroy()
      })
    }
    let held: Buffer | undefined
    client.on('data', (chunk) => upstream.write(chunk))
    upstream.on('data', (chunk) => {
      if (held === undefined && !chunk.includes(ANSWER)) return void client.write(chunk)
      held = held === undefined ? chunk : Buffer.concat([held, chunk])
      if (!held.subarray(-READY.length).equals(READY)) return
      const answer = held
      held = undefined
      if (!cut()) return void client.write(answer)
      cuts += 1
      client.destroy()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    // A TCP server's address is one.
    port: (server.address() as AddressInfo).port,
    cuts: () => cuts,
    close: () =>
      new Promise((resolve) => {
        for (const end of open) end.destroy()
        server.close(() => resolve())
      }),
  }
}
