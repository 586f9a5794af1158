import { broken, type Mutation } from '../../support/mutations/mutation.ts'

/** How rails are asked: within their budget, by whoever's turn it is, and all who wait once a rail is back. */

const budget = broken('src/payments/inquiry-budget.ts', 'test/payments/inquiry-budget.test.ts')
const watched = broken('src/payments/watched-rail.ts', 'test/payments/watched-rail.test.ts')
const wakes = broken('src/payments/rail-health.ts', 'test/payments/rail-health.pg.test.ts')
const operator = broken('src/rails/camara/rail.ts', 'test/rails/camara-exchange.test.ts')

export const INQUIRIES: readonly Mutation[] = [
  broken('src/payments/mandates.ts', 'test/payments/mandates.pg.test.ts')(
    'lets a user who is impatient take the turns of the schedule',
    "? 'scheduled' : 'woken'",
    "? 'scheduled' : 'scheduled'",
  ),
  broken('src/payments/commands/linked.ts', 'test/payments/source-looks.pg.test.ts')(
    'has a bank asked as often as a user likes',
    'looks.take(source.id).retryAfterMs',
    'looks.take(crypto.randomUUID()).retryAfterMs',
  ),
  budget('asks a rail more often than its budget allows', 'if (waitMs > 0) {', 'if (waitMs > 500) {'),
  budget(
    'lets whoever comes overtake those who wait',
    'if (waitingIn(budget) === 0 && untilFree(budget) === 0) {',
    'if (untilFree(budget) === 0 || waitingIn(budget) > 2) {',
  ),
  budget(
    'lets a flood of callbacks take the turns of the schedule',
    '[other(budget.last), budget.last].find(',
    "(['woken', 'scheduled'] as const).find(",
  ),
  budget(
    'keeps every inquiry that finds no turn',
    'if (line.waiting.length >= Math.max(',
    'if (line.waiting.length >= 1_000_000 * Math.max(',
  ),
  budget(
    'tells all that find no turn to come back at once',
    'return lines[lane].comebacks.next(windowMs + gapMs, gapMs)',
    'return BUDGET_LIMITS.window_ms',
  ),
  budget(
    'has one budget for all rails',
    'const there = budgets.get(rail)',
    "rail = ''\n    const there = budgets.get(rail)",
  ),
  broken('src/domain/attempt.ts', 'test/payments/steps.pg.test.ts')(
    'lets what a callback woke pass for the schedule’s own',
    '>= waitMs * (1 - JITTER)',
    '>= 0',
  ),
  broken('src/payments/attempts.ts', 'test/payments/steps.pg.test.ts')(
    'counts an inquiry that had no turn',
    'await askAt(deps, attempt, clock.now() + outcome.afterMs)\n',
    "await recordOutcome(deps, { bearer: bearer.id, no: attempt.no, step: attempt.step, outcome: { kind: 'unknown', why: 'budget', alarm: false }, inquiry: { nextLookAtMs: clock.now() + outcome.afterMs } })\n",
  ),
  broken('src/payments/recovery/steps.ts', 'test/payments/recovery.pg.test.ts')(
    'gives what an unsigned message asks the turns of the schedule',
    "evidence.kind === 'look' ? 'woken' : 'scheduled'",
    "'scheduled'",
  ),
  watched(
    'takes a question without a turn for an answer',
    'budget.ask(id, lane, async () => note(await rail.inquire(order, AbortSignal.timeout(profile.deadlineMs)))),',
    'budget.ask(id, lane, () => rail.inquire(order, AbortSignal.timeout(profile.deadlineMs))).then((each) => note(each as RailOutcome)),',
  ),
  watched('keeps what a rail answers from those who wait for it', 'health.heard(id, answered)', ''),
  wakes('wakes nobody when a rail is back', 'health.failing && answered', '!health.failing && answered'),
  wakes('wakes all at every answer', 'health.failing && answered', 'answered'),
  wakes('wakes all at once', 'await delay(1_000 / perSecond)', 'await delay(0)'),
  wakes('wakes the newest first', 'for (const row of rows) {', 'for (const row of rows.toReversed()) {'),
  wakes('wakes no more than a page', 'last = rows.at(-1)\n', 'last = undefined\n'),
  wakes(
    'goes on waking what waits for a rail that fails again',
    '() => !health.failing && health.backAtMs === backAtMs',
    '() => health.backAtMs > 0',
  ),
  wakes(
    'wakes again what was asked about since',
    'and updated_at <= ${timestamp(backAtMs)}',
    'and updated_at <= ${timestamp(backAtMs + 60_000)}',
  ),
  operator(
    'operator: asks by the connections of its orders',
    'getting(questions, signal))\n        return shown',
    'getting(orders, signal))\n        return shown',
  ),
  operator(
    'operator: lets orders take the connections of questions',
    'const get = getting(orders, options.signal)',
    'const get = getting(questions, options.signal)',
  ),
]
