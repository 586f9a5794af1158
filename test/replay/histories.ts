import { fileURLToPath } from 'node:url'

/** `<release>.<scene>.json`: what earlier builds left behind. Never changed, only added to. */
export const HISTORIES = fileURLToPath(new URL('./histories/', import.meta.url))
