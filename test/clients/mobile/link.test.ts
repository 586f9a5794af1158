import * as fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { generateDeviceKey, type DeviceKey } from '../../../clients/mobile/index.ts'
import { closeReason } from '../../../clients/mobile/link.ts'
import { connectTo, startServer } from './harness.ts'

describe('a socket whose hello cannot be made', () => {
  it('is closed with as much of the reason as a close frame carries, and another one follows', async () => {
    const server = await startServer()
    const good = await generateDeviceKey()
    const message = 'Schlüssel 🔑 zu: '.repeat(13).slice(0, 200)
    let refusals = 1
    const key: DeviceKey = {
      publicJwk: () => good.publicJwk(),
      sign: (data) => {
        const claims = Buffer.from(new TextDecoder().decode(data).split('.')[1] ?? '', 'base64url').toString()
        if (claims.includes('mooring:socket') && refusals-- > 0) throw new Error(message)
        return good.sign(data)
      },
    }
    const client = await connectTo(server, { key, ports: {} })
    expect(client.status).toBe('ready')
    await vi.waitFor(() => expect(server.closes).toHaveLength(1), 10_000)
    const [{ code, reason } = { code: 0, reason: '' }] = server.closes
    expect(code).toBe(1000)
    expect(message.startsWith(reason)).toBe(true)
    expect(reason.length).toBeGreaterThan(80)
    expect(server.hellos).toHaveLength(1)
  })
})

describe('the reason of a close', () => {
  it('is at most 123 bytes, whole characters, and all of what is shorter', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'ü', '€', '🔑'), maxLength: 150 }), (text) => {
        const reason = closeReason(text)
        const bytes = Buffer.byteLength(reason)
        expect(bytes).toBeLessThanOrEqual(123)
        expect(text.startsWith(reason)).toBe(true)
        expect(reason.isWellFormed()).toBe(true)
        const next = text.codePointAt(reason.length)
        if (next === undefined) return
        expect(bytes + Buffer.byteLength(String.fromCodePoint(next))).toBeGreaterThan(123)
      }),
    )
  })
})
