import { describe } from 'vitest'
import { operatorSubject } from './camara-subject.ts'
import { railContract } from './rail-contract.ts'

describe('the operator in one step', () => railContract(operatorSubject('one_step')))
