import { describe, expect, it } from 'vitest'
import { edgeControlSubject } from '../../src/bus/index.ts'
import { until } from '../support/until.ts'
import { KEY, Phone, USER, errorCode, startEdge, edgeStage } from './harness.ts'

const stage = edgeStage()

describe('the end of a session', () => {
  it('closes 4006 when the same device connects again, and the new socket stays', async () => {
    const older = await Phone.open(stage.edge.url, { device: 'dev_bbbbbbbbbbbb' })
    const newer = await Phone.open(stage.edge.url, { device: 'dev_bbbbbbbbbbbb' })
    expect((await older.closed).code).toBe(4006)
    expect(await newer.command('wallet.balances')).toMatchObject({ ok: true })
  })

  it('closes 4006 when the same device connects on another edge', async () => {
    const other = await startEdge(stage.nats.url)
    const older = await Phone.open(stage.edge.url, { device: 'dev_bbbbbbbbbbbb' })
    const newer = await Phone.open(other.url, { device: 'dev_bbbbbbbbbbbb' })
    expect((await older.closed).code).toBe(4006)
    expect(await newer.command('wallet.balances')).toMatchObject({ ok: true })
    await other.stop()
  })

  it('closes 4504 when the device is revoked', async () => {
    const phone = await Phone.open(stage.edge.url, { device: 'dev_bbbbbbbbbbbb' })
    stage.edge.bus.publish(edgeControlSubject('all'), JSON.stringify({ type: 'revoke', device: 'dev_bbbbbbbbbbbb' }))
    expect((await phone.closed).code).toBe(4504)
  })

  it('closes 4504 also a session on another edge that a hub let in just before', async () => {
    const other = await startEdge(stage.nats.url)
    const device = 'dev_cccccccccccc'
    const answer = Promise.withResolvers<void>()
    stage.hub.on('session.open', async () => {
      await answer.promise
      const expiresAt = new Date(Date.now() + 900_000).toISOString()
      return { ok: true, body: { user: USER, device, expiresAt, env: 'test' } }
    })
    const opening = await Phone.connect(other.url)
    opening.hello({ device })
    await until(() => stage.hub.asked('session.open').length === 1)
    stage.edge.bus.publish(edgeControlSubject('all'), JSON.stringify({ type: 'revoke', device }))
    await stage.edge.bus.flush()
    await other.bus.flush()
    answer.resolve()
    expect((await opening.closed).code).toBe(4504)
    await other.stop()
  })

  it('closes 4007 when the token expires', async () => {
    const phone = await Phone.connect(stage.edge.url)
    phone.hello({ expiresIn_ms: 200 })
    await phone.heard('ready')
    expect((await phone.closed).code).toBe(4007)
  })

  it('pings with a fresh nonce and every head, and closes 4003 without a pong', async () => {
    await stage.restart({ limits: { heartbeat_ms: 150, pong_timeout_ms: 100 } })
    const phone = await Phone.open(stage.edge.url)
    const first = await phone.heard('ping')
    phone.send({ t: 'pong', n: first['n'] })
    const second = await phone.heard('ping', 2)
    expect(first).toMatchObject({ n: 1, heads: { [USER]: 0 } })
    expect(second).toMatchObject({ n: 2, heads: { [USER]: 0 } })
    expect(second['nonce']).not.toBe(first['nonce'])
    expect(stage.hub.asked('feed.heads').length).toBeGreaterThan(0)
    phone.send({ t: 'pong', n: 99 })
    expect((await phone.closed).code).toBe(4003)
  })

  it('draining asks clients to come back elsewhere, one after the other, and tells events until they have to', async () => {
    await stage.restart({ limits: { goaway_per_ms: 0.01, goaway_spread_ms: 600 } })
    const phones = await Promise.all(Array.from({ length: 12 }, () => Phone.open(stage.edge.url)))
    const started = performance.now()
    const draining = stage.edge.edge.drain()
    const asked = await Promise.all(phones.map((phone) => phone.heard('goaway')))
    stage.hub.say()
    const stay_ms = asked.map((frame) => Number(frame['reconnect_after_ms']))
    const last = phones[stay_ms.indexOf(Math.max(...stay_ms))]
    await last?.heard('event')
    await Promise.all(phones.map((phone) => phone.closed))
    expect(performance.now() - started).toBeGreaterThanOrEqual(Math.max(...stay_ms) - 5)
    expect(new Set(phones.map(({ closeCode }) => closeCode))).toEqual(new Set([4001]))
    expect(Math.max(...stay_ms)).toBeLessThanOrEqual(600)
    expect(new Set(stay_ms).size).toBeGreaterThan(6)
    await draining
  })

  it('draining answers the command in flight, declines a new one, and closes 4001', async () => {
    let answer: () => void = () => {}
    stage.hub.on('payment.cancel', async () => {
      await new Promise<void>((resolve) => (answer = resolve))
      return { ok: true, body: { id: 'pay_00000001' } }
    })
    const busy = await Phone.open(stage.edge.url)
    const idle = await Phone.open(stage.edge.url)
    busy.send({ t: 'cmd', id: 'running', key: KEY, name: 'payment.cancel', body: {} })
    await until(() => stage.hub.asked('payment.cancel').length === 1)
    const draining = stage.edge.edge.drain()
    expect((await idle.closed).code).toBe(4001)
    expect(errorCode(await busy.command('payment.cancel', {}))).toBe('temporarily_unavailable')
    expect(busy.closeCode).toBeNull()
    answer()
    expect((await busy.closed).code).toBe(4001)
    expect(busy.replyTo('running')).toMatchObject({ ok: true })
    await draining
  })
})
