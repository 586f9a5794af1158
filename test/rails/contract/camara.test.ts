import { describe } from 'vitest'
import { operatorSubject } from './camara-subject.ts'
import { railContract } from './rail-contract.ts'

describe('the operator in two steps', () => railContract(operatorSubject('two_step')))
