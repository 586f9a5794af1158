// The health check of every container of ours: a process serves when /readyz on its private or control port says so.
// Plain JavaScript, so that asking costs little.
const { MOORING_PRIVATE_PORT, SIM_CONTROL_PORT, SIM_PORT } = process.env
const port = MOORING_PRIVATE_PORT ?? SIM_CONTROL_PORT ?? SIM_PORT
try {
  const { ok } = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(2_000) })
  process.exit(ok ? 0 : 1)
} catch {
  process.exit(1)
}
