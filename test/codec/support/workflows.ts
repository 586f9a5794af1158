import {
  ApplicationFailure,
  condition,
  defineQuery,
  defineSignal,
  defineUpdate,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
} from '@temporalio/workflow'

/** What the test watches: everything that can carry a payload in and out of a workflow. */

const local = proxyLocalActivities<{ echo(word: string): Promise<string> }>({
  startToCloseTimeout: '10 seconds',
  retry: { maximumAttempts: 1 },
})

export async function listener(input: { word: string }): Promise<string> {
  const heard: string[] = []
  let ended = false
  setCurrentDetails(`waits for ${input.word}`)
  setHandler(defineQuery<string[], [string]>('heard'), (from) => heard.map((word) => `${from}:${word}`))
  setHandler(defineSignal<[string]>('tell'), (word) => void heard.push(word))
  setHandler(defineSignal('end'), () => {
    ended = true
  })
  setHandler(defineUpdate<number, [string]>('resolve'), (word) => heard.push(word))
  heard.unshift(await local.echo(input.word))
  await condition(() => ended)
  if (heard.includes('fail')) throw ApplicationFailure.nonRetryable(`failed on ${input.word}`)
  return heard.join(' ')
}
