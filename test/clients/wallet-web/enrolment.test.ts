import { describe, expect, it } from 'vitest'
import { MooringError } from '../../../clients/mobile/index.ts'
import { deviceName, enrolmentFault, normalisePhone } from '../../../clients/wallet-web/model/enrolment.ts'

describe('a phone number', () => {
  it.each([
    ['+254 700 000 001', '+254700000001'],
    ['00254700000001', '+254700000001'],
    ['+49 (30) 123-4567', '+49301234567'],
    ['0700000001', null],
    ['+0700000001', null],
    ['+254', null],
    ['call me', null],
  ])('typed as %s is %s', (typed, phone) => {
    expect(normalisePhone(typed)).toBe(phone)
  })
})

describe('a device', () => {
  it.each([
    ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36', 'Chrome on Linux'],
    ['Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 Chrome/156.0 Mobile Safari/537.36', 'Chrome on Android'],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 Version/19 Safari/604',
      'Safari on iPhone',
    ],
    ['Mozilla/5.0 (Macintosh; Intel Mac OS X 15) Gecko Firefox/150.0', 'Firefox on Mac'],
    ['Mozilla/5.0 (Windows NT 10.0) Chrome/156.0 Safari/537.36 Edg/156.0', 'Edge on Windows'],
  ])('whose browser says %s is called %s', (agent, name) => {
    expect(deviceName(agent)).toBe(name)
  })
})

describe('a sign-up that failed', () => {
  it('says that an older code is of no use where it is not known what came of it, and not that nothing happened', () => {
    const lost = new MooringError('connection_lost', 'away', { retryable: true, outcome: 'unknown' })
    expect(enrolmentFault(lost)).toMatch(/a code from before is of no use/)
    expect(enrolmentFault(new MooringError('rate_limited', 'too many'))).toMatch(/^That was a lot/)
    expect(enrolmentFault(new MooringError('invalid_request', 'phone'))).toMatch(/country/)
  })
})
