import { connect, enrol, generateDeviceKey, type Mooring, type Ports } from '../../../clients/mobile/index.ts'
import { makeIban } from '../../../src/domain/iban.ts'
import type { DevJson } from '../../../tools/dev-json.ts'
import { smsTo } from '../../../tools/demo/http.ts'
import type { Patience } from '../../../tools/demo/patience.ts'
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
  dev: DevJson,
  patience: Patience,
  run: string,
  no: number,
  ports: Partial<Ports> = {},
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
  const client = await connect({ url, bridge, identity: { user, device }, key, ports })
  const watch = new FeedWatch(name, client)
  const account = makeIban('DE', BANK_CODE + digits.padStart(10, '0'))
  const { id: bank } = await client.linkBank({ bank: dev.sim.bank.bank, account })
  const { id: money } = await client.linkMobileMoney({ operator: dev.sim.gsma.operator })
  return {
    name,
    user,
    client,
    watch,
    accounts: { bank: account, operator: number, money: number },
    sources: { bank, operator: 'operator', money },
  }
}

/** Five digits that tell one run's phones from another's on the same data. */
export function newRun(): string {
  return String(Math.floor(Math.random() * 100_000)).padStart(5, '0')
}
