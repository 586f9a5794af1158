import { describe } from 'vitest'
import { BANK } from './bank-subject.ts'
import { railContract } from './rail-contract.ts'

describe('the bank', () => railContract(BANK))
