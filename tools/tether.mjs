// Loaded before a command's main (node --import): ends the process when whoever started it is gone
// without a word, kill -9 included. The pipe from it, MOORING_TETHER_FD, then reads as ended.
import { Socket } from 'node:net'
import { isMainThread } from 'node:worker_threads'

const GRACE_MS = 30_000

const fd = process.env['MOORING_TETHER_FD']
// Neither workers nor children of this process hold the pipe.
delete process.env['MOORING_TETHER_FD']

if (isMainThread && fd !== undefined) {
  const tether = new Socket({ fd: Number(fd), readable: true, writable: false })
  const end = () => {
    process.kill(process.pid, 'SIGTERM')
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), GRACE_MS).unref()
  }
  tether.once('error', end)
  tether.once('end', end)
  tether.resume()
  tether.unref()
}
