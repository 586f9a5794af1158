import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { createContext, runInContext } from 'node:vm'
import { CompactEncrypt, importJWK, type JWK } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type * as mooring from '../../../clients/mobile/index.ts'
import { DevicePublicKey } from '../../../src/contract/index.ts'
import { bundled } from './bundle.ts'
import { startServer } from './harness.ts'
import { DEVICE, OTP, USER } from './scripted-server.ts'

const SECRET = Uint8Array.from({ length: 32 }, (_, i) => i)

/** React Native's, which makes an `Origin` of the address it dials. */
class NativeSocket extends WebSocket {
  constructor(url: string, protocols: string[]) {
    super(url, protocols, { origin: new URL(url.replace(/^ws/, 'http')).origin })
    this.on('error', () => {}) // unheard, `ws` alone would throw it
  }
}

/** All that there is but the language: no `crypto`, no `location`, nothing of Node. */
const GLOBALS = {
  AbortController,
  TextDecoder,
  TextEncoder,
  WebSocket: NativeSocket,
  atob,
  btoa,
  clearTimeout,
  fetch,
  performance,
  setTimeout,
}

/** What the language has in Node, and not yet in Hermes or in browsers of before 2024. */
const LATE = ['Promise.withResolvers', 'Promise.try', 'Array.fromAsync', 'Object.groupBy', 'Map.groupBy']

/** A key in hardware, which WebCrypto never sees. */
function hardwareKey(): mooring.DeviceKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    publicJwk: async () => DevicePublicKey.parse(publicKey.export({ format: 'jwk' })),
    sign: async (data) => sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
  }
}

describe('the SDK where there is little but the language, as in React Native', () => {
  let sdk: typeof mooring

  beforeAll(async () => {
    const context = createContext({ ...GLOBALS })
    for (const name of LATE) runInContext(`delete ${name}`, context)
    sdk = runInContext(`${await bundled('iife')};mooring`, context) as typeof mooring
  })

  it('enrols, connects, signs, and makes payment codes, by ports alone', async () => {
    const server = await startServer()
    server.onCommand = (cmd, reply) => {
      if (cmd.name === 'source.link') reply({ ok: true, body: { id: 'src_1', status: 'active' } })
      if (cmd.name !== 'code.register') return
      void importJWK(cmd.body['key'] as JWK, 'ECDH-ES').then(async (key) => {
        const sealing = new CompactEncrypt(SECRET).setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM' })
        const secret_jwe = await sealing.encrypt(key)
        reply({ ok: true, body: { number: '123456789', secret_jwe, step_s: 30, no_touch_max: '200000' } })
      })
    }
    const { subtle } = globalThis.crypto
    const ports: Partial<mooring.Ports> = {
      random: (bytes) => randomBytes(bytes),
      subtle,
      origin: new URL(server.bridge).origin,
    }
    const [bridge, key] = [server.bridge, hardwareKey()]
    const readOtp = async () => OTP
    const identity = await sdk.enrol({ bridge, phone: '+254700000001', deviceName: 'A phone', key, readOtp, ports })
    expect(identity).toMatchObject({ user: USER, device: DEVICE })

    const client = await sdk.connect({ url: server.url, bridge, identity, key, ports })
    expect(await client.linkBank({ bank: 'demo-bank', account: 'DE00' })).toMatchObject({ status: 'active' })
    const maker = await client.registerCode()
    expect(await sdk.customerCode(maker, 1_799_999_970_000, subtle)).toMatchObject({ code: '29123456789770880435' })
    const kept = await sdk.codeKey(SECRET, { subtle })
    expect(await sdk.customerCode({ ...maker, key: kept }, 1_799_999_970_000, subtle)).toMatchObject({
      code: '29123456789770880435',
    })
    await client.close()
    expect(server.hellos).toHaveLength(1)
  })
})
