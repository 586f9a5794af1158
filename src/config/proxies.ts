import { BlockList, isIP } from 'node:net'
import { z } from 'zod'
import type { TrustedProxy } from '../domain/forwarded.ts'

/**
 * MOORING_PROXIES: addresses and networks of the balancers in front, with commas between. What they say in
 * X-Forwarded-For is believed, so a network that holds everybody is refused: anybody could say anything.
 */
export const EnvProxies = z
  .string()
  .default('')
  .transform((text, context): TrustedProxy => {
    const proxies = new BlockList()
    for (const one of text.split(',').map((part) => part.trim())) {
      if (one !== '' && !add(proxies, one)) {
        const message = `"${one}" is no address and no network: write 10.0.0.7, 10.0.0.0/8 or 2001:db8::/32, with commas between`
        context.addIssue({ code: 'custom', message })
      }
    }
    return (address) => proxies.check(address, familyOf(address))
  })

/** False where it is no address and no network. */
function add(proxies: BlockList, one: string): boolean {
  const [, address = '', bits] = /^([0-9a-f.:]+)(?:\/([1-9]\d{0,2}))?$/i.exec(one) ?? []
  if (isIP(address) === 0) return false
  const family = familyOf(address)
  if (bits === undefined) proxies.addAddress(address, family)
  else if (Number(bits) > (family === 'ipv4' ? 32 : 128)) return false
  else proxies.addSubnet(address, Number(bits), family)
  return true
}

const familyOf = (address: string) => (address.includes(':') ? 'ipv6' : 'ipv4')
