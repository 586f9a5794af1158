import type { Pool } from 'undici'

export type OperatorAnswer = {
  status: number
  /** CAMARA error code of a refusal. */
  code: string | null
  json: unknown
}

/** An answer read to its end; null where the exchange failed on the way. */
export async function readAnswer(ask: () => ReturnType<Pool['request']>): Promise<OperatorAnswer | null> {
  try {
    const { statusCode, body } = await ask()
    const json = parseJson(await body.text())
    const code: unknown = typeof json === 'object' && json !== null ? Reflect.get(json, 'code') : null
    return { status: statusCode, code: typeof code === 'string' ? code : null, json }
  } catch {
    return null
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
