import { randomBytes } from 'node:crypto'
import { connect, enrol, generateDeviceKey, type Mooring } from '../../../clients/mobile/index.ts'
import { makeIban } from '../../../src/domain/iban.ts'
import type { DevJson } from '../../../tools/dev-json.ts'
import { smsTo } from '../../../tools/demo/http.ts'
import type { Patience } from '../../../tools/demo/patience.ts'
import type { Sql } from '../../../src/ledger/index.ts'
import { FeedWatch } from './feed-watch.ts'
import type { RailName } from './rails.ts'

/** A bank code that no bank has. */
const BANK_CODE = '77777777'

/** A person with a phone, a wallet, and an account at each rail. */
export type Phone = {
  name: string
  user: string
  client: Mooring
  watch: FeedWatch
  /** At each rail: an IBAN, or the phone's number. */
  accounts: Readonly<Record<RailName, string>>
  /** As commands name them. */
  sources: Readonly<Record<RailName, string>>
}

/** `no` makes number and account, so that a run's phones differ from each other; the run itself is random. */
export async function newPhone(
  { dev, patience, sql }: { dev: DevJson; patience: Patience; sql: Sql },
  run: string,
  no: number,
): Promise<Phone> {
  const name = `phone ${no}`
  const digits = run + String(no).padStart(3, '0')
  const number = `+2547${digits}`
  const key = await generateDeviceKey()
  const readOtp = () =>
    patience.until(`the SMS to ${number}`, async () => {
      const [newest] = await smsTo(patience, dev.sim.camara, number)
      return newest === undefined ? undefined : /\b\d{6}\b/.exec(newest)?.[0]
    })
  const { bridge, edge: url } = dev
  const { user, device } = await enrol({ bridge, phone: number, deviceName: name, key, readOtp })
  const client = await connect({ url, bridge, identity: { user, device }, key })
  const watch = new FeedWatch(name, client)
  const account = makeIban('DE', BANK_CODE + digits.padStart(10, '0'))
  const { id: bank } = await client.linkBank({ bank: dev.sim.bank.bank, account })
  const money = await linkMoney(sql, dev, user, number)
  return {
    name,
    user,
    client,
    watch,
    accounts: { bank: account, operator: number, money: number },
    sources: { bank, operator: 'operator', money },
  }
}

/** Mobile money, as a person who has linked it has it. */
async function linkMoney(sql: Sql, dev: DevJson, user: string, number: string): Promise<string> {
  const { operator: rail } = dev.sim.gsma
  const id = `src_${randomBytes(11).toString('hex')}`
  await sql`
    insert into sources (id, user_id, type, rail, bank, account, currency, label, status, created_at)
    values (${id}, ${user}, 'mobile_money', ${rail}, ${rail}, ${number}, ${dev.currency},
      ${`Demo Money ··${number.slice(-4)}`}, 'active', clock_timestamp())`
  return id
}

/** Five digits that tell one run's phones from another's on the same data. */
export function newRun(): string {
  return String(Math.floor(Math.random() * 100_000)).padStart(5, '0')
}
