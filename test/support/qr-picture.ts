import decodeQr from 'qr/decode.js'

/** What the picture of a code says, as a camera would read it. */
export function readQrPicture(svg: string): string {
  const side = Number(/viewBox="0 0 (\d+) \d+"/.exec(svg)?.[1])
  const scale = 6
  const image = { width: side * scale, height: side * scale, data: new Uint8Array(side * side * scale * scale * 4) }
  image.data.fill(255)
  let [x, y] = [0, 0]
  for (const [, command, first, second] of svg.matchAll(/([Mm])(-?\d+)[ ,]?(-?\d+)h1v1/g)) {
    const [dx, dy] = [Number(first), Number(second)]
    ;[x, y] = command === 'M' ? [dx, dy] : [x + dx, y + dy]
    for (let row = y * scale; row < (y + 1) * scale; row++) {
      const at = (row * image.width + x * scale) * 4
      for (let i = 0; i < scale * 4; i++) if (i % 4 !== 3) image.data[at + i] = 0
    }
  }
  return decodeQr(image)
}
