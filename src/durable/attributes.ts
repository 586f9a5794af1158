import type { Client } from '@temporalio/client'
import { defineSearchAttributeKey, SearchAttributeType, type SearchAttributePair } from '@temporalio/common'
import { SEARCH_ATTRIBUTES, type SearchAttribute } from '../contract/names.ts'
import type { About } from '../payments/index.ts'
import { DURABLE_LIMITS } from './limits.ts'

/** temporal.api.enums.v1.IndexedValueType */
const KEYWORD = 2

const key = (name: SearchAttribute) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD)
const KIND = key('MooringKind')
const RAIL = key('MooringRail')
const MERCHANT = key('MooringMerchant')
const USER = key('MooringUser')

/** What operators find a workflow by in Temporal, where it lies unencrypted: opaque ids, and nothing of a person. */
export function searchable({ kind, rail, merchant, user }: About): SearchAttributePair[] {
  return [
    { key: KIND, value: kind },
    ...(rail === null ? [] : [{ key: RAIL, value: rail }]),
    ...(merchant === null ? [] : [{ key: MERCHANT, value: merchant }]),
    ...(user === null ? [] : [{ key: USER, value: user }]),
  ]
}

/**
 * Adds the attributes that a namespace lacks; one with an attribute unknown to it starts no workflow at all. Safe to
 * repeat, and from several hubs at once.
 *
 * @throws where they are missing and may not be added from here: an administrator has to
 */
export async function ensureSearchAttributes({
  client,
  namespace,
}: {
  client: Client
  namespace: string
}): Promise<void> {
  const { operatorService } = client.connection
  const call = <T>(run: () => Promise<T>): Promise<T> =>
    client.withDeadline(Date.now() + DURABLE_LIMITS.provision_deadline_ms, run)
  const missing = async () => {
    const { customAttributes } = await call(() => operatorService.listSearchAttributes({ namespace }))
    return SEARCH_ATTRIBUTES.filter((name) => !(name in customAttributes))
  }
  const wanted = await missing()
  if (wanted.length === 0) return
  const searchAttributes = Object.fromEntries(wanted.map((name) => [name, KEYWORD]))
  try {
    await call(() => operatorService.addSearchAttributes({ namespace, searchAttributes }))
  } catch (error) {
    // Another hub may have been first.
    if ((await missing()).length === 0) return
    throw new Error(
      `Temporal's namespace ${namespace} lacks search attributes, and they cannot be added from here; have an administrator ` +
        `run: temporal operator search-attribute create ${wanted.map((name) => `--name ${name} --type Keyword`).join(' ')}`,
      { cause: error },
    )
  }
}
