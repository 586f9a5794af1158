import { describe } from 'vitest'
import { GSMA } from './gsma-subject.ts'
import { railContract } from './rail-contract.ts'

describe('mobile money', () => railContract(GSMA))
