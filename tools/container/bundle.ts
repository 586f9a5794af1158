import { workflowBundle } from '../../src/durable/index.ts'

/** Builds the workflow bundle into the image, where hubs find it: none of them waits for it at its start. */
const [into = ''] = process.argv.slice(2)
const { codePath } = await workflowBundle(into)
console.log(codePath)
