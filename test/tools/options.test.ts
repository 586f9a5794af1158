import { describe, expect, it } from 'vitest'
import { parseOptions } from '../../src/proc/dev/options.ts'
import { devPorts, portsInUse } from '../../src/proc/dev/ports.ts'

const parse = (args: string[], env: Record<string, string> = {}) => parseOptions(args, env, '/checkout')

describe('options of npm start', () => {
  it('have the defaults of a first start', () => {
    expect(parse([])).toEqual({
      dataDir: '/checkout/.data',
      portOffset: 0,
      edges: 1,
      hubs: 1,
      transport: 'auto',
      quiet: false,
      caps: false,
    })
  })

  it('come from the environment where the command line says nothing', () => {
    const env = { MOORING_DATA: '/elsewhere', MOORING_PORT_OFFSET: '1000', MOORING_EDGES: '2', MOORING_QUIET: '1' }
    expect(parse(['--transport', 'uws'])).toMatchObject({ transport: 'uws' })
    expect(parse(['--edges', '3'], env)).toMatchObject({
      dataDir: '/elsewhere',
      portOffset: 1000,
      edges: 3,
      quiet: true,
    })
  })

  it.each([
    [['--edges', '0'], '--edges is at least 1'],
    [['--hubs', 'many'], '--hubs is a number'],
    [['--port-offset', '60000'], '--port-offset is at most'],
    [['--transport', 'udp'], '--transport is ws, uws or auto'],
    [['--nonsense'], '--nonsense'],
  ])('are refused by name: %j', (args, message) => {
    expect(() => parse(args)).toThrow(message)
  })
})

describe('ports of npm start', () => {
  it('are all different and valid at every size and offset', () => {
    for (const portOffset of [0, parse(['--port-offset', '57000']).portOffset]) {
      const ports = portsInUse(
        devPorts(portOffset),
        { edges: 10, hubs: 8 },
        { postgres: true, nats: true, temporal: true },
      ).map(({ port }) => port)
      expect(new Set(ports).size).toBe(ports.length)
      expect(Math.max(...ports)).toBeLessThan(65_536)
    }
  })

  it('leave out those of servers that run elsewhere', () => {
    const all = portsInUse(devPorts(0), { edges: 1, hubs: 1 }, { postgres: false, nats: false, temporal: false })
    expect(all.map(({ what }) => what).join()).not.toMatch(/Postgres|NATS|Temporal/)
  })
})
