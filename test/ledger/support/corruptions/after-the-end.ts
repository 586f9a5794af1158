import { type Corruption, ofTable } from './corruption.ts'

const RETURNS = ofTable('returns', {
  altered: [
    {
      what: 'of more than came back',
      act: (tx, { payments }) => tx`update returns set amount = amount - 1 where payment = ${payments.bounced}`,
      breaks: ['L6', 'L7'],
      names: ({ payments }) => `payment ${payments.bounced} (succeeded): settled at the rail -1, posted 0`,
    },
    {
      what: 'of another payment than it was said of',
      act: (tx, { payments }) => tx`
        update returns set payment = ${payments.paidOut}, amount = 40 where payment = ${payments.bounced}`,
      breaks: ['L6'],
      names: () => 'is of another payment or amount than was said',
    },
  ],
  missing: [
    {
      what: 'it was posted',
      act: (tx, { payments }) => tx`delete from returns where payment = ${payments.bounced}`,
      breaks: ['L6', 'L7'],
      names: () => 'was posted and is not there',
    },
  ],
  added: [
    {
      what: 'one that no rail has said',
      act: (tx) => tx`
        insert into returns select (jsonb_populate_record(r, '{"evidence_id":"ghost","amount":1}')).* from returns r`,
      breaks: ['L6', 'L7'],
      names: () => 'return ghost was never said',
    },
    {
      what: 'and with the other it is more than was sent',
      act: (tx) => tx`
        insert into returns select (jsonb_populate_record(r, '{"evidence_id":"ghost","amount":1}')).* from returns r`,
      breaks: ['L6', 'L7'],
      names: () => 'and others exceed together what settled',
    },
  ],
})

const EVIDENCE = ofTable('evidence', {
  altered: [
    {
      what: 'less came than was posted',
      act: (tx, { payments }) => tx`update evidence set moved = 44 where payment = ${payments.late}`,
      breaks: ['L6'],
      names: ({ payments }) =>
        `payment ${payments.late}: after its end its rail moved 44 by evidence, and 45 was posted`,
    },
    {
      what: 'nothing followed from it, and it was posted',
      act: (tx, { payments }) =>
        tx`update evidence set moved = null, result = 'refuted' where payment = ${payments.late}`,
      breaks: ['L6'],
      names: ({ payments }) =>
        `payment ${payments.late}: after its end its rail moved 0 by evidence, and 45 was posted`,
    },
    {
      what: 'about an attempt that there is not',
      act: (tx, { payments }) => tx`update evidence set reference = 'ORDER1' where payment = ${payments.late}`,
      breaks: ['references'],
      names: ({ payments }) => `of payment ${payments.late} as ORDER1, which does not exist or not together`,
    },
  ],
  missing: [
    {
      what: 'money was posted for it',
      act: (tx, { payments }) => tx`delete from evidence where payment = ${payments.late}`,
      breaks: ['L6'],
      names: ({ payments }) =>
        `payment ${payments.late}: after its end its rail moved 0 by evidence, and 45 was posted`,
    },
    {
      what: 'a return rests on it',
      act: (tx, { payments }) => tx`delete from evidence where payment = ${payments.bounced}`,
      breaks: ['L6'],
      names: () => 'was never said',
    },
  ],
  added: [
    {
      what: 'it is said to have been posted',
      act: (tx, { payments }) => tx`
        insert into evidence select (jsonb_populate_record(e, jsonb_build_object('id', gen_random_uuid()))).*
        from evidence e where payment = ${payments.late}`,
      breaks: ['L6'],
      names: ({ payments }) =>
        `payment ${payments.late}: after its end its rail moved 90 by evidence, and 45 was posted`,
    },
  ],
})

export const AFTER_THE_END: readonly Corruption[] = [...RETURNS, ...EVIDENCE]
