import { SEARCH_ATTRIBUTES } from './temporal.ts'

/** temporal.api.enums.v1.IndexedValueType */
const KEYWORD = 2

/** Adds the attributes payments are searched by to a Temporal that was not started here. Safe to repeat. */
export async function registerSearchAttributes(options: { address: string; namespace: string }): Promise<void> {
  // Loaded only where it is needed: the client is large, and `npm start` has its own server configured.
  const { Connection } = await import('@temporalio/client')
  const connection = await Connection.connect({ address: options.address })
  try {
    const { namespace } = options
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace })
    const missing = SEARCH_ATTRIBUTES.filter((name) => !(name in customAttributes))
    if (missing.length === 0) return
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map((name) => [name, KEYWORD])),
    })
  } finally {
    await connection.close()
  }
}
