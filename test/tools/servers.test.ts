import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { listeningInodes, portOwner, takenPorts } from '../../tools/process/ports.ts'
import { goVersion } from '../../tools/servers/build.ts'
import { checksumOf } from '../../tools/servers/download.ts'
import { natsConfig } from '../../tools/servers/nats.ts'
import { isPostmasterReady } from '../../tools/servers/postgres/cluster.ts'
import { unprivilegedOwner } from '../../tools/servers/postgres/home.ts'
import { natsRecipe, temporalRecipe, temporalServerRecipe, temporalSqlRecipe } from '../../tools/servers/recipes.ts'
import { afterExit } from '../../tools/supervisor/backoff.ts'

describe('versions that will do', () => {
  it.each([
    ['nats-server: v2.15.2', true],
    ['nats-server: v2.12.0', true],
    ['nats-server: v2.9.25', false],
    ['nats-server: v3.0.0', false],
    ['', false],
  ])('of NATS: %s', (output, good) => {
    expect(natsRecipe.accepts(output)).toBe(good)
  })

  it.each([
    ['temporal version 1.8.2 (Server 1.31.2, UI 2.50.1)', true],
    ['temporal version 0.0.0-DEV (Server 1.31.2, UI 2.50.1)', true],
    ['temporal version 1.2.0 (Server 1.26.2, UI 2.34.0)', false],
    ['some other program called temporal 9.9.9', false],
  ])('of Temporal: %s', (output, good) => {
    expect(temporalRecipe.accepts(output)).toBe(good)
  })

  it.each([
    ['temporal version 1.31.2', true],
    ['temporal-sql-tool version 1.31.2', true],
    ['temporal version 1.30.0', false],
    ['', false],
  ])("of Temporal's own server and its tool: %s", (output, good) => {
    expect([temporalServerRecipe.accepts(output), temporalSqlRecipe.accepts(output)]).toEqual([good, good])
  })

  it('of Go are read from its own words', () => {
    expect(goVersion('go1.26.8\n')).toEqual([1, 26])
    expect(goVersion('devel +abc')).toBeUndefined()
  })
})

describe('a release', () => {
  const sum = 'ab'.repeat(32)

  it('is checked against the line of its own file', () => {
    expect(checksumOf('b.tar.gz', `${'cd'.repeat(32)}  a.tar.gz\n${sum}  b.tar.gz\n`)).toBe(sum)
    expect(checksumOf('b.tar.gz', `${sum} *./dist/b.tar.gz`)).toBe(sum)
  })

  it('is not taken where the list does not name it', () => {
    expect(checksumOf('b.tar.gz', `${sum}  bb.tar.gz\nab  b.tar.gz`)).toBeUndefined()
  })
})

describe('ports', () => {
  it('that are taken are named with their owner', async () => {
    const server = createServer()
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        const address = server.address()
        resolve(typeof address === 'object' && address !== null ? address.port : 0)
      })
    })
    try {
      expect(portOwner(port)?.pid).toBe(process.pid)
      expect(await takenPorts([{ what: 'bridge', port }])).toEqual([
        expect.stringMatching(new RegExp(`^port ${port} \\(bridge\\) is taken by .+, pid ${process.pid}$`)),
      ])
    } finally {
      await new Promise((resolve) => server.close(resolve))
    }
    expect(await takenPorts([{ what: 'bridge', port }])).toEqual([])
  })

  it('are found in the table of the kernel only where they listen', () => {
    const table = [
      '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
      '   0: 0100007F:1D08 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1',
      '   1: 0100007F:1D08 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 222 1',
    ].join('\n')
    expect(listeningInodes(table, 7432)).toEqual(['111'])
    expect(listeningInodes(table, 7433)).toEqual([])
  })
})

describe('Postgres', () => {
  it('is ready when its own pid file says so', () => {
    const file = (state: string) => `42\n/data\n1700000000\n7432\n\n127.0.0.1\n  123 456\n${state}\n`
    expect(isPostmasterReady(file('ready   '), 42)).toBe(true)
    expect(isPostmasterReady(file('starting'), 42)).toBe(false)
    expect(isPostmasterReady(file('ready   '), 43)).toBe(false)
    expect(isPostmasterReady('', 42)).toBe(false)
  })

  it("runs as the system's nobody, or as the number that stands for it", () => {
    expect(unprivilegedOwner('root:x:0:0::/:/bin/sh\nnobody:x:99:98::/:/sbin/nologin\n')).toEqual({ uid: 99, gid: 98 })
    expect(unprivilegedOwner('root:x:0:0::/:/bin/sh\n')).toEqual({ uid: 65_534, gid: 65_534 })
    expect(unprivilegedOwner('nobody:x:0:0::/:/bin/sh\n')).toEqual({ uid: 65_534, gid: 65_534 })
  })
})

describe('the NATS configuration', () => {
  it('quotes passwords and paths, and listens on loopback alone', () => {
    const config = natsConfig({
      port: 7422,
      storeDir: '/a "dir"',
      passwords: { hub: 'p"1', edge: 'p2', bridge: 'p3', relay: 'p4', ops: 'p5' },
    })
    expect(config).toContain('host: 127.0.0.1')
    expect(config).toContain('password: "p\\"1"')
    expect(config).toContain('store_dir: "/a \\"dir\\""')
  })
})

describe('starting again', () => {
  it('is at once the first time, then ever later up to a bound', () => {
    const delays: number[] = []
    let backoff = { failures: 0 }
    for (let i = 0; i < 12; i += 1) {
      const next = afterExit(backoff, 0)
      delays.push(next.delayMs)
      backoff = next.backoff
    }
    expect(delays.slice(0, 4)).toEqual([100, 200, 400, 800])
    expect(Math.max(...delays)).toBe(10_000)
  })

  it('begins anew after a minute of steady work', () => {
    expect(afterExit({ failures: 9 }, 60_000).delayMs).toBe(100)
    expect(afterExit({ failures: 9 }, 59_999).delayMs).toBe(10_000)
  })
})
