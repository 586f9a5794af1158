import { edgeControlSubject, type Bus, type EdgeControl } from '../bus/index.ts'

/** Hears what the relay and other edges tell this edge; returns how to stop. */
export function hearControl(bus: Bus, edge: string, handle: (control: EdgeControl) => void): () => void {
  const subscriptions = [edge, 'all'].map((id) =>
    bus.subscribe(edgeControlSubject(id), {
      callback: (error, message) => {
        // Only our own processes may publish here (one NATS user a role), so the shape is trusted.
        if (error === null) handle(message.json<EdgeControl>())
      },
    }),
  )
  return () => {
    for (const subscription of subscriptions) subscription.unsubscribe()
  }
}

export function tellEdges(bus: Bus, control: EdgeControl): void {
  bus.publish(edgeControlSubject('all'), JSON.stringify(control))
}
