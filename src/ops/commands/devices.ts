import { z } from 'zod'
import type { Command } from '../command.ts'
import { OpsRefusal } from '../refusal.ts'
import { columns } from '../text.ts'

/** Users' phones, asked of the ops service. */

const Devices = z.object({
  data: z.array(
    z.looseObject({
      id: z.string(),
      user_id: z.string(),
      name: z.string(),
      status: z.string(),
      created_at: z.string(),
      last_seen_at: z.string().nullable(),
    }),
  ),
})

const Revoked = z.object({ device: z.string(), revoked: z.enum(['now', 'before']) })

export const listDevicesCommand: Command = {
  name: 'devices list',
  argument: '<user or phone number>',
  options: [],
  what: ['the devices of a user, and which of them may still speak'],
  async call(service, who) {
    const { data } = Devices.parse(await service.get(`/v1/users/${encodeURIComponent(who)}/devices`))
    return {
      ok: true,
      json: { data },
      text: columns(
        [
          ['device', 'status', 'name', 'since', 'last seen'],
          ...data.map((each) => [each.id, each.status, each.name, each.created_at, each.last_seen_at ?? 'never']),
        ],
        'lllll',
      ),
    }
  },
}

export const revokeDeviceCommand: Command = {
  name: 'devices revoke',
  argument: '<device>',
  options: ['reason'],
  what: [
    'shuts a device out, at once and for good: its sockets are closed and nothing it signs',
    'counts any more. Its user is told on the others',
  ],
  async call(service, device, { reason }) {
    if (reason === undefined) throw new OpsRefusal('bad_usage', '--reason', 'say why, in 10 letters or more')
    const said = Revoked.parse(await service.post(`/v1/devices/${encodeURIComponent(device)}/revoke`, { reason }))
    const text = said.revoked === 'now' ? `${device} is revoked.` : `${device} was revoked before; nothing was changed.`
    return { ok: true, json: said, text: [text] }
  },
}
