import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import proto from '@temporalio/proto'

const { History } = proto.temporal.api.history.v1

/** `<release>.<scene>.history`, as the SDK's own protobuf message: what earlier builds left behind. Never changed, only added to. */
export const HISTORIES = fileURLToPath(new URL('./histories/', import.meta.url))

export function keepHistory(name: string, history: Parameters<typeof History.encode>[0]): void {
  writeFileSync(join(HISTORIES, name), History.encode(history).finish())
}

export const readHistory = (name: string) => History.decode(readFileSync(join(HISTORIES, name)))
