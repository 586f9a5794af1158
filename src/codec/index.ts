export { FAILURE_CONVERTER_PATH, makeDataConverter } from './converter.ts'
export { CODEC_KEY_FILE, readKeyRing, type KeyRing } from './ring.ts'
export { open, seal, type Payload } from './sealed.ts'
