import { describe, expect, it } from 'vitest'
import {
  enrol,
  generateDeviceKey,
  type EnrolOptions,
  type Identity,
  type Ports,
} from '../../../clients/mobile/index.ts'
import { startServer } from './harness.ts'
import { DEVICE, OTP, USER, type ScriptedServer } from './scripted-server.ts'

async function signUp(
  server: ScriptedServer,
  ports: Partial<Ports> = {},
  readOtp: EnrolOptions['readOtp'] = async () => OTP,
): Promise<Identity> {
  return enrol({
    bridge: server.bridge,
    phone: '+254700000001',
    deviceName: 'A phone',
    key: await generateDeviceKey(),
    readOtp,
    ports,
  })
}

describe('enrolment', () => {
  it('proves the key and the number, asking again after a wrong password', async () => {
    const server = await startServer()
    const asked: number[] = []
    const identity = await signUp(server, {}, async ({ attempt }) => {
      asked.push(attempt)
      return attempt === 1 ? '000000' : OTP
    })
    expect(identity).toEqual({ user: USER, device: DEVICE, restrictedUntil: null })
    expect(asked).toEqual([1, 2])
    expect(server.enrolments).toEqual([{ phone: '+254700000001', name: 'A phone' }])
  })

  it('gives the password up with otp_wrong', async () => {
    const enrolling = signUp(await startServer(), {}, async () => '000000')
    await expect(enrolling).rejects.toMatchObject({ code: 'otp_wrong', retryable: false })
  })

  it('asks for a password again where the server says that none was sent, and that asking is worth it', async () => {
    const server = await startServer()
    server.onEnrolment = (nth) => (nth < 3 ? { status: 503, code: 'overloaded' } : null)
    expect(await signUp(server)).toMatchObject({ user: USER, device: DEVICE })
    expect(server.enrolments).toHaveLength(3)
  })

  it('does not where the answer is lost, as each time an SMS may be sent: the person decides', async () => {
    const server = await startServer()
    server.onEnrolment = () => 'lost'
    await expect(signUp(server)).rejects.toMatchObject({
      code: 'connection_lost',
      outcome: 'unknown',
      message: expect.stringContaining('may have been sent') as string,
    })
    expect(server.enrolments).toHaveLength(1)
  })

  it.each([
    ['temporarily_unavailable', 503],
    ['internal', 500],
  ])('does not where the server says %s, after which one may have been sent', async (code, status) => {
    const server = await startServer()
    server.onEnrolment = () => ({ status, code })
    await expect(signUp(server)).rejects.toMatchObject({
      code,
      outcome: 'unknown',
      retryable: true,
      requestId: 'req_1',
    })
    expect(server.enrolments).toHaveLength(1)
  })

  it('does not where a proxy answers in the server’s place', async () => {
    const server = await startServer()
    let asked = 0
    const fetch = async () => {
      asked += 1
      return new Response('<html>', { status: 502 })
    }
    await expect(signUp(server, { fetch })).rejects.toMatchObject({ code: 'protocol_fault', outcome: 'unknown' })
    expect(asked).toBe(1)
  })

  it('checks a password again where the answer to that is lost: it is the same check', async () => {
    const server = await startServer()
    let lost = 2
    const fetch = async (url: string, init: RequestInit) => {
      const response = await globalThis.fetch(url, init)
      if (url.endsWith('/verify') && lost-- > 0) throw new TypeError('network')
      return response
    }
    expect(await signUp(server, { fetch })).toMatchObject({ user: USER })
    expect(server.enrolments).toHaveLength(1)
  })
})
