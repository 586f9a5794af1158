import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { payment, startServer } from './harness.ts'
import { OTP } from './scripted-server.ts'

const SDK = join(import.meta.dirname, '../../../clients/mobile')

type Example = {
  payByQr(options: {
    bridge: string
    socket: string
    phone: string
    askForOtp: () => Promise<string>
    scanned: string
    show: (line: string) => void
  }): Promise<void>
}

/** The README's code, as a module. */
async function example(): Promise<Example> {
  const code = /```ts\n([^]*?)```/.exec(readFileSync(join(SDK, 'README.md'), 'utf8'))?.[1] ?? ''
  const dir = mkdtempSync(join(import.meta.dirname, '.readme-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const path = join(dir, 'example.ts')
  writeFileSync(path, code.replace('./index.ts', join(SDK, 'index.ts')))
  return (await import(path)) as Example
}

describe('the README’s example', () => {
  it('enrols, pays and shows each status', async () => {
    const server = await startServer()
    server.onCommand = ({ name, body }, reply) => {
      if (name === 'payment.resolve_qr') {
        const open = payment(1, { status: 'requires_confirmation', payer: null })
        reply({ ok: body['payload'] === 'the QR', body: { payment: open, claim: 'opaque' } })
      }
      if (name === 'quote')
        reply({ ok: true, body: { payer_fee: '0', total: '12345', pin_required: false, limits_ok: true } })
      if (name === 'payment.get') reply({ ok: true, body: payment(2) })
      if (name === 'payment.confirm') {
        reply({ ok: true, body: payment(2) })
        setTimeout(() => server.push('payment.updated', payment(3, { status: 'succeeded' })), 50)
      }
    }
    const shown: string[] = []
    const { payByQr } = await example()
    await payByQr({
      bridge: server.bridge,
      socket: server.url,
      phone: '+254700000001',
      askForOtp: async () => OTP,
      scanned: 'the QR',
      show: (line) => shown.push(line),
    })
    expect(shown).toEqual(['Pay 12345 KES to Shop?', 'processing', 'succeeded'])
  })
})
