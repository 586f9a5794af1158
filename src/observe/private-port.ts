import { createServer } from 'node:http'
import { collectDefaultMetrics, type Registry } from 'prom-client'

export type PrivatePort = { port: number; close(): Promise<void> }

/**
 * Health and metrics, on loopback and apart from what clients reach:
 * /healthz while the process lives, /readyz while `ready()` says so, /metrics for Prometheus.
 */
export async function openPrivatePort(options: {
  port: number
  registry: Registry
  ready: () => boolean
}): Promise<PrivatePort> {
  collectDefaultMetrics({ register: options.registry })
  const server = createServer((request, response) => {
    const reply = (status: number, body: string, type = 'text/plain') => {
      response.writeHead(status, { 'content-type': type }).end(body)
    }
    switch (request.url) {
      case '/healthz':
        reply(200, 'ok')
        return
      case '/readyz':
        if (options.ready()) reply(200, 'ready')
        else reply(503, 'not ready')
        return
      case '/metrics':
        options.registry.metrics().then(
          (text) => reply(200, text, options.registry.contentType),
          () => reply(500, 'metrics failed'),
        )
        return
      default:
        reply(404, 'not found')
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the private port listens on no TCP address')
  return {
    port: address.port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
