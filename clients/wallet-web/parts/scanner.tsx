import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Notice } from './basics.tsx'
import { Icon } from './icons.tsx'

const LOOK_EVERY_MS = 200

/** Only pages that were served safely may ask for a camera. */
export function canScan(): boolean {
  return 'mediaDevices' in navigator
}

/** The camera, opened when asked to, until a QR code is seen or it is stopped. */
export function Scanner({ onFound }: { onFound: (text: string) => void }): JSX.Element {
  const video = useRef<HTMLVideoElement>(null)
  const [state, setState] = useState<'off' | 'on' | 'refused'>('off')
  const isOn = state === 'on'
  useEffect(() => {
    if (!isOn || video.current === null) return undefined
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
  }, [isOn])
  return (
    <div class="scanner">
      {isOn && <video ref={video} muted playsInline aria-label="Camera picture" />}
      <button type="button" class={isOn ? 'secondary' : 'scan'} onClick={() => setState(isOn ? 'off' : 'on')}>
        {!isOn && <Icon name="scan" />}
        {isOn ? 'Stop the camera' : 'Scan a code'}
      </button>
      {state === 'refused' && (
        <Notice tone="warn">The camera cannot be used. Allow it in your browser, or paste the code.</Notice>
      )}
    </div>
  )
}

/**
 * The first text seen; null where looking was called off. The same decoder in every browser, as few have one of their
 * own; it is fetched when the camera is first asked for.
 * @throws where there is no camera to look with.
 */
async function look(video: HTMLVideoElement, signal: AbortSignal): Promise<string | null> {
  const { BarcodeDetector } = await import('qr/decode.js')
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } })
  try {
    video.srcObject = stream
    await video.play()
    const detector = new BarcodeDetector({ formats: ['qr_code'] })
    while (!signal.aborted) {
      const [found] = await detector.detect(video)
      if (found !== undefined) return signal.aborted ? null : found.rawValue
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
    }
    return null
  } finally {
    for (const track of stream.getTracks()) track.stop()
  }
}
