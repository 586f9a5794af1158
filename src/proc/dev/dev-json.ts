import { join } from 'node:path'
import { z } from 'zod'
import type { DevJson } from '../../../tools/dev-json.ts'
import { readKeyFile } from '../../config/env.ts'
import { opsUrl, pagesUrl } from './ports.ts'
import type { Servers } from './servers.ts'
import type { SetupOutput } from './setup.ts'
import {
  BANK,
  bridgeUrl,
  CODE_CONSENT_ABOVE,
  CURRENCY,
  edgeUrls,
  LIMITS,
  MONEY,
  OPERATOR,
  PIN_ABOVE,
  type Base,
} from './table.ts'

const OperatorKeys = z.array(z.object({ name: z.string(), password: z.string() }))
const MerchantKeys = z.array(z.object({ name: z.string(), secret_key: z.string() }))

/** Everything of dev.json but the pids, which change. */
export function devJson(base: Base, servers: Servers, setup: SetupOutput): Omit<DevJson, 'pids'> {
  const { options, ports, keysDir } = base
  const keys = MerchantKeys.parse(JSON.parse(readKeyFile(join(keysDir, 'setup'), 'merchants.json')))
  const merchants = setup.merchants.map((merchant, index) => {
    const secretKey = keys[index]?.secret_key
    if (secretKey === undefined) throw new Error(`setup names a merchant without a key: ${merchant.name}`)
    return { id: merchant.id, name: merchant.name, secret_key: secretKey, store: merchant.store }
  })
  const operators = OperatorKeys.parse(JSON.parse(readKeyFile(join(keysDir, 'setup'), 'operators.json')))
  const control = (port: number, role: string) => ({
    control: `http://127.0.0.1:${port}/control`,
    control_token: readKeyFile(join(keysDir, role), 'control.token'),
  })
  const { ui, ...temporal } = servers.temporal
  return {
    env: 'test',
    currency: CURRENCY,
    edge: edgeUrls(ports, options),
    bridge: bridgeUrl(ports),
    pages: { wallet: `${pagesUrl(ports)}/wallet/`, ops: opsUrl(ports) },
    ops: { url: opsUrl(ports), operators },
    temporal: ui === undefined ? temporal : { ...temporal, ui },
    database: servers.database('mooring_owner'),
    nats: servers.nats('ops'),
    pin_above: PIN_ABOVE,
    code_consent_above: CODE_CONSENT_ABOVE,
    limits: LIMITS,
    merchants,
    sim: {
      bank: { url: `https://localhost:${ports.bank}`, ...control(ports.bankControl, 'sim-bank'), bank: BANK.id },
      camara: { url: `http://127.0.0.1:${ports.camara}`, ...control(ports.camara, 'sim-camara'), operator: OPERATOR },
      gsma: { url: `http://127.0.0.1:${ports.gsma}`, ...control(ports.gsma, 'sim-gsma'), operator: MONEY.id },
    },
  }
}
