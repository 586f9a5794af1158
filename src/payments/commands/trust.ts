import { COMMANDS, type CommandBody } from '../../contract/index.ts'
import { refuse, type Refusal } from '../../domain/refusal.ts'
import { ok } from '../../domain/result.ts'
import { deviceEvent, deviceView, listDevices, readListed, type ListedDevice } from '../../identity/index.ts'
import type { PaymentDeps } from '../deps.ts'
import { checkAction } from './action.ts'
import type { Signed } from './authorise.ts'
import { pinRefusal, refusalOfPin, tooManyPins } from './pin.ts'
import { type Decision, type PhoneCommand, type Respond, phoneChange, phoneRead, restricted } from './pipeline.ts'

/** A user's devices and PIN. Each change is signed by the device that asks for it. */
export function trustCommands(
  deps: PaymentDeps,
): Readonly<Record<'device.list' | 'device.revoke' | 'device.approve' | 'pin.set', Respond>> {
  return {
    'device.list': phoneRead(deps, COMMANDS['device.list'].body, async ({ user, device }) => {
      const now = deps.clock.now()
      return ok({ data: (await listDevices(deps.sql, user)).map((each) => deviceView(each, device, now)) })
    }),
    'device.revoke': phoneChange(deps, 'device.revoke', COMMANDS['device.revoke'].body, (command) =>
      decideRevoke(deps, command),
    ),
    'device.approve': phoneChange(deps, 'device.approve', COMMANDS['device.approve'].body, (command) =>
      decideApprove(deps, command),
    ),
    'pin.set': phoneChange(deps, 'pin.set', COMMANDS['pin.set'].body, (command) => decidePin(deps, command)),
  }
}

type DeviceCommand = PhoneCommand<CommandBody<'device.revoke'>>

/** The relay tells every edge, as it publishes the event: the device's socket is closed there. */
async function decideRevoke(deps: PaymentDeps, command: DeviceCommand): Promise<Decision> {
  const found = await signedDevice(deps, command, 'device.revoke')
  if ('refusal' in found) return { kind: 'refusal', refusal: found.refusal }
  if (found.device.status === 'revoked') return asItIs(deps, command, found)
  return changed(deps, command, found, 'device.revoked', 'revoked')
}

/** Another, active device vouches by its signature; the restricted one for itself by the PIN. */
async function decideApprove(deps: PaymentDeps, command: DeviceCommand): Promise<Decision> {
  const found = await signedDevice(deps, command, 'device.approve')
  if ('refusal' in found) return { kind: 'refusal', refusal: found.refusal }
  const { device } = found
  if (device.status === 'revoked') {
    const message = 'This device was revoked and stays so; enrol it anew, with a new key.'
    return { kind: 'refusal', refusal: refuse('forbidden', message, { param: 'device' }) }
  }
  if (device.status === 'active') return asItIs(deps, command, found)
  if (command.principal.deviceStatus === 'restricted') {
    const refusal = await refusalOfPin(command)
    if (refusal !== null) return { kind: 'refusal', refusal }
  }
  return changed(deps, command, found, 'device.added', 'active')
}

type Found = { device: ListedDevice; jti: Signed['jti'] }

/** The user's device that the body names. A restricted one may name itself alone. */
async function signedDevice(
  deps: PaymentDeps,
  { principal, body }: DeviceCommand,
  name: 'device.revoke' | 'device.approve',
): Promise<Found | { refusal: Refusal }> {
  if (principal.deviceStatus === 'restricted' && body.device !== principal.device) return { refusal: restricted() }
  const row = await readListed(deps.sql, body.device)
  const device = row?.user === principal.user ? row : null
  const signed = await checkAction(deps, principal, name, body, () =>
    device === null
      ? refuse('not_found', 'There is no such device of yours; see device.list.', { param: 'device' })
      : null,
  )
  if (!signed.ok) return { refusal: signed.error }
  if (device === null) throw new Error('a device that is missing was refused')
  return { device, jti: signed.value.jti }
}

function asItIs(deps: PaymentDeps, { principal }: DeviceCommand, { device, jti }: Found): Decision {
  return { kind: 'reply', body: deviceView(device, principal.device, deps.clock.now()), jti }
}

function changed(
  deps: PaymentDeps,
  { principal }: DeviceCommand,
  { device, jti }: Found,
  event: 'device.added' | 'device.revoked',
  status: 'active' | 'revoked',
): Decision {
  const after: ListedDevice = { ...device, status, restrictedUntilMs: null }
  return {
    kind: 'unit',
    unit: {
      ...(jti === null ? {} : { jti }),
      guard: { device: { id: device.id, states: [device.status] } },
      ok: { device_change: { status, restricted_until: null }, events: [deviceEvent(event, after, deps.ids)] },
    },
    body: deviceView(after, principal.device, deps.clock.now()),
  }
}

/** `pin.set`: the first PIN by the signature alone, another only by who knows the one before. */
async function decidePin(deps: PaymentDeps, command: PhoneCommand<CommandBody<'pin.set'>>): Promise<Decision> {
  const { principal, body } = command
  const { user } = principal
  const signed = await checkAction(deps, principal, 'pin.set', body, () => null)
  if (!signed.ok) return { kind: 'refusal', refusal: signed.error }
  let version = await deps.pins.version(user)
  if (version > 0) {
    if (body.old_pin === undefined) return { kind: 'refusal', refusal: oldPinMissing() }
    const verdict = await deps.pins.judge(user, body.old_pin)
    const refusal = pinRefusal(verdict, 'old_pin')
    if (refusal !== null) return { kind: 'refusal', refusal }
    if (verdict.kind === 'right') version = verdict.version
  }
  const secret = await deps.pins.secretOf(user, body.pin)
  if (secret === null) return { kind: 'refusal', refusal: tooManyPins() }
  const { jti } = signed.value
  return {
    kind: 'unit',
    unit: {
      ...(jti === null ? {} : { jti }),
      // Who was second to change it is asked for the old one again, which is another now.
      guard: { pin: { user, version } },
      ok: { pin: { secret, version: version + 1 } },
    },
    body: {},
  }
}

/** Nothing was guessed, so no try is taken. */
function oldPinMissing(): Refusal {
  return refuse('pin_wrong', 'There is a PIN already; send it as old_pin to set another.', { param: 'old_pin' })
}
