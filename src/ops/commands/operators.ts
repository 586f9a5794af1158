import { randomBytes } from 'node:crypto'
import { makeIds } from '../../domain/ids.ts'
import type { Command } from '../command.ts'
import { addOperator, disableOperator, listOperators, type OperatorRefusal } from '../operators.ts'
import { OpsRefusal } from '../refusal.ts'
import { passwordFromInput } from '../service-client.ts'
import { columns } from '../text.ts'

const WHY: Readonly<Record<OperatorRefusal, { option: string | null; message: string }>> = {
  name_taken: { option: '<name>', message: 'an operator of this name is there; choose another' },
  person_taken: { option: '--person', message: 'this person is an operator already; nobody is two' },
  name_invalid: { option: '<name>', message: 'expected 2 to 32 of a-z 0-9 . _ -, a letter first' },
  person_invalid: {
    option: '--person',
    message: 'expected the number your company knows this person by: 2 to 64 of a-z 0-9 . _ -',
  },
  password_short: { option: null, message: 'expected a password of 15 letters or more on standard input' },
}

export const addOperatorCommand: Command = {
  name: 'operators add',
  argument: '<name>',
  options: ['person'],
  what: [
    'a further operator, as the owner of the tables; the password comes on standard',
    'input. --person is the number your company knows this person by',
  ],
  as: 'mooring_owner',
  async ask(sql, name, { person = '' }) {
    const password = await passwordFromInput()
    const added = await addOperator(sql, makeIds(Date.now, randomBytes), { name, person, password })
    if (!added.ok) throw new OpsRefusal('operator_refused', WHY[added.error].option, WHY[added.error].message)
    return { ok: true, json: added.value, text: [`${name} may log in now.`] }
  },
}

export const disableOperatorCommand: Command = {
  name: 'operators disable',
  argument: '<name>',
  options: [],
  what: ['ends what an operator may do, at once: sessions and approvals count no longer'],
  as: 'mooring_owner',
  async ask(sql, name) {
    if (!(await disableOperator(sql, name))) {
      throw new OpsRefusal('unknown_operator', '<name>', `no operator who may log in is called "${name}"`)
    }
    return { ok: true, json: { disabled: name }, text: [`${name} may do nothing any more.`] }
  },
}

export const listOperatorsCommand: Command = {
  name: 'operators list',
  argument: null,
  options: [],
  what: ['who may log in, and who no longer'],
  async ask(sql) {
    const operators = await listOperators(sql)
    return {
      ok: true,
      json: { operators },
      text: columns(
        [
          ['name', 'person', 'since', ''],
          ...operators.map(({ name, person, created_at: since, disabled_at: until }) => [
            name,
            person,
            since.toISOString(),
            until === null ? '' : `disabled ${until.toISOString()}`,
          ]),
        ],
        'llll',
      ),
    }
  },
}
