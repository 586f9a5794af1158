import { writeFileSync } from 'node:fs'
import { encodeQR } from 'qr'

/** A film for Chromium's camera (`--use-file-for-fake-video-capture`, YUV4MPEG2), played again and again. */

const [WIDTH, HEIGHT] = [640, 480]
const [WALL, PAPER, INK] = [0x50, 0xe8, 0x18]
const MODULE_PX = 5
const FRAMES_OF_EACH = 20

/** A wall for a moment, then a code on it, off the middle. */
export function filmCode(path: string, text: string): void {
  const bare = luma()
  const code = luma()
  const modules = encodeQR(text, 'raw', { ecc: 'medium', border: 4 })
  modules.forEach((row, y) => row.forEach((isDark, x) => fill(code, 90 + x * MODULE_PX, 30 + y * MODULE_PX, isDark)))
  const frames = [...times(FRAMES_OF_EACH, bare), ...times(FRAMES_OF_EACH, code)]
  const grey = Buffer.alloc((WIDTH * HEIGHT) / 2, 0x80)
  writeFileSync(
    path,
    Buffer.concat([
      Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F20:1 Ip A1:1 C420jpeg\n`),
      ...frames.flatMap((y) => [Buffer.from('FRAME\n'), y, grey]),
    ]),
  )
}

const luma = (): Buffer => Buffer.alloc(WIDTH * HEIGHT, WALL)
const times = (count: number, frame: Buffer): Buffer[] => Array.from({ length: count }, () => frame)

function fill(frame: Buffer, left: number, top: number, isDark: boolean): void {
  for (let y = top; y < top + MODULE_PX; y++)
    frame.fill(isDark ? INK : PAPER, y * WIDTH + left, y * WIDTH + left + MODULE_PX)
}
