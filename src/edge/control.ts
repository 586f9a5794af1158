import { z } from 'zod'
import { DEVICE_REPLACED, edgeControlSubject, type Bus, type DeviceReplaced, type EdgeControl } from '../bus/index.ts'

const Control: z.ZodType<EdgeControl> = z.object({ type: z.literal('revoke'), device: z.string() })
const Replaced: z.ZodType<DeviceReplaced> = z.object({ device: z.string(), session: z.string() })

/**
 * Hears what the relay tells this edge, and what other edges do; returns how to stop. Which of them may say what is a matter
 * of the subject (one NATS user a role), and what has another shape is passed over: an edge faces the world, and may be anybody's.
 */
export function hearControl(
  bus: Bus,
  edge: string,
  heard: { control(control: EdgeControl): void; replaced(replaced: DeviceReplaced): void },
): () => void {
  function hear<T>(subject: string, shape: z.ZodType<T>, handle: (said: T) => void) {
    return bus.subscribe(subject, {
      callback: (error, message) => {
        const said = error === null ? shape.safeParse(jsonOf(message.string())) : null
        if (said?.success === true) handle(said.data)
      },
    })
  }
  const subscriptions = [
    ...[edge, 'all'].map((id) => hear(edgeControlSubject(id), Control, heard.control)),
    hear(DEVICE_REPLACED, Replaced, heard.replaced),
  ]
  return () => {
    for (const subscription of subscriptions) subscription.unsubscribe()
  }
}

/** Tells all edges, this one too. */
export function tellReplaced(bus: Bus, replaced: DeviceReplaced): void {
  bus.publish(DEVICE_REPLACED, JSON.stringify(replaced))
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
