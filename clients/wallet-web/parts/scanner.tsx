import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Notice } from './basics.tsx'
import { Icon } from './icons.tsx'

/** The part of the Shape Detection API that is used (WICG); where a browser has none, codes are pasted. */
type Detector = { detect(source: HTMLVideoElement): Promise<{ rawValue: string }[]> }
type DetectorClass = new (options: { formats: string[] }) => Detector
declare global {
  var BarcodeDetector: DetectorClass | undefined
}

const LOOK_EVERY_MS = 200

export function canScan(): boolean {
  return globalThis.BarcodeDetector !== undefined && 'mediaDevices' in navigator
}

/** The camera, opened when asked to, until a QR code is seen. */
export function Scanner({ onFound }: { onFound: (text: string) => void }): JSX.Element {
  const video = useRef<HTMLVideoElement>(null)
  const [state, setState] = useState<'off' | 'on' | 'refused'>('off')
  useEffect(() => {
    if (state !== 'on') return undefined
    const looking = new AbortController()
    look(video.current, looking.signal).then(
      (text) => {
        if (text === null) return
        setState('off')
        onFound(text)
      },
      () => setState('refused'),
    )
    return () => looking.abort()
  }, [state])
  return (
    <div class="scanner">
      {state === 'on' ? (
        <video ref={video} muted playsInline aria-label="Camera picture" />
      ) : (
        <button type="button" class="scan" onClick={() => setState('on')}>
          <Icon name="scan" />
          Scan a code
        </button>
      )}
      {state === 'refused' && (
        <Notice tone="warn">The camera cannot be used. Allow it in your browser, or paste the code.</Notice>
      )}
    </div>
  )
}

/** The first text seen; null where looking was called off. @throws where there is no camera to look with. */
async function look(video: HTMLVideoElement | null, signal: AbortSignal): Promise<string | null> {
  const { BarcodeDetector } = globalThis
  if (video === null || BarcodeDetector === undefined) return null
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } })
  try {
    video.srcObject = stream
    await video.play()
    const detector = new BarcodeDetector({ formats: ['qr_code'] })
    while (!signal.aborted) {
      const [found] = await detector.detect(video)
      if (found !== undefined) return found.rawValue
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
    }
    return null
  } finally {
    for (const track of stream.getTracks()) track.stop()
  }
}
