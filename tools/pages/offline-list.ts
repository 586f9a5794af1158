import type { Plugin } from 'vite'

/** Writes `offline.json`: what the service worker keeps, so that the page opens where there is no network. */
export function offlineList(): Plugin {
  return {
    name: 'offline-list',
    generateBundle(_options, bundle) {
      const files = Object.keys(bundle).filter((name) => name.startsWith('assets/'))
      this.emitFile({ type: 'asset', fileName: 'offline.json', source: JSON.stringify(['./', ...files.toSorted()]) })
    },
  }
}
