import { pino, type Logger } from 'pino'

export type Log = Logger

/** JSON lines on stdout. Bodies, tokens, proofs and keys are never logged; these paths are the net below that rule. */
export function makeLog(options: { name: string; level: string }): Log {
  return pino({
    name: options.name,
    level: options.level,
    redact: {
      paths: [
        'token',
        'proof',
        'otp',
        'pin',
        'key',
        'secretKey',
        'confirmation',
        'action',
        'authorization',
        '*.token',
        '*.authorization',
        '*.credential',
        'credential',
      ],
      censor: '[redacted]',
    },
    timestamp: pino.stdTimeFunctions.isoTime,
  })
}
