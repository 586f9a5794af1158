import { z } from 'zod'
import { readKeyFile } from '../../config/env.ts'

/** What the connector needs to speak to one operator. Without all of it, it refuses to start. */
export type GsmaCredentials = {
  clientId: string
  clientSecret: string
  /** Ours, shown with every call. */
  apiKey: string
  /** The operator's, one of which is shown with every callback: two while it changes. */
  callbackApiKeys: readonly string[]
}

const Word = z.string().regex(/^[\x21-\x7e]{1,256}$/)
const Secret = z.string().regex(/^[\x21-\x7e]{16,256}$/)
const File = z.object({
  client_id: Word,
  client_secret: Secret,
  api_key: Secret,
  callback_api_key: Secret.or(z.array(Secret).min(1).max(4)),
})

/** Reads `gsma.json` of a process's key directory. Errors name the file, never its content. */
export function readGsmaCredentials(dir: string): GsmaCredentials {
  const text = readKeyFile(dir, 'gsma.json')
  try {
    const file = File.parse(JSON.parse(text))
    return {
      clientId: file.client_id,
      clientSecret: file.client_secret,
      apiKey: file.api_key,
      callbackApiKeys: [file.callback_api_key].flat(),
    }
  } catch {
    throw new Error(
      'key file gsma.json is not {"client_id", "client_secret", "api_key", "callback_api_key"}; the mobile money connector does not start without it',
    )
  }
}
