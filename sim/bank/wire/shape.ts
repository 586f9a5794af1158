import { assertNever } from '../../common/never.ts'
import type { XmlNode } from './xml.ts'

/**
 * What an element may hold, as data: XSD sequences (order binds), choices and typed leaves. The bank's profile is
 * written in these; whatever a shape does not name is refused.
 */

export type Fault = { code: 'FF01' | 'CH21' | 'RC01' | 'AM12' | 'CH20' | 'AM09'; path: string; text: string }

/** Says what is wrong with a leaf, or null. */
export type LeafCheck = (text: string) => { code: Fault['code']; text: string } | null

export type Shape =
  | { kind: 'leaf'; check: LeafCheck }
  | { kind: 'amount' }
  | { kind: 'sequence'; items: readonly Item[] }
  | { kind: 'choice'; items: readonly Item[] }

export type Item = { name: string; required: boolean; most: number; shape: Shape }

export const must = (name: string, shape: Shape): Item => ({ name, required: true, most: 1, shape })
export const may = (name: string, shape: Shape, most = 1): Item => ({ name, required: false, most, shape })
export const sequence = (...items: Item[]): Shape => ({ kind: 'sequence', items })
export const choice = (...items: Item[]): Shape => ({ kind: 'choice', items })
export const leaf = (check: LeafCheck): Shape => ({ kind: 'leaf', check })

/** The first thing wrong with a node, or null. */
export function misshape(node: XmlNode, shape: Shape, path: string): Fault | null {
  const fault = (code: Fault['code'], text: string): Fault => ({ code, path, text })
  if (shape.kind !== 'amount' && Object.keys(node.attributes).length > 0) return fault('FF01', 'has attributes')
  switch (shape.kind) {
    case 'leaf': {
      if (node.children.length > 0) return fault('FF01', 'has elements where text belongs')
      const wrong = shape.check(node.text)
      return wrong === null ? null : fault(wrong.code, wrong.text)
    }
    case 'amount': {
      const names = Object.keys(node.attributes)
      if (node.children.length > 0) return fault('FF01', 'has elements where text belongs')
      if (names.length !== 1 || !/^[A-Z]{3}$/.test(node.attributes['Ccy'] ?? ''))
        return fault('FF01', 'needs the attribute Ccy alone')
      return null
    }
    case 'sequence': {
      if (node.text.trim() !== '') return fault('FF01', 'has text where elements belong')
      return inSequence(node, shape.items, path)
    }
    case 'choice': {
      const only = node.children[0]
      if (only === undefined || node.children.length > 1) return fault('FF01', 'needs exactly one of its elements')
      const item = shape.items.find((one) => one.name === only.name)
      return item === undefined
        ? fault('FF01', `does not take ${only.name}`)
        : misshape(only, item.shape, `${path}/${only.name}`)
    }
    default:
      return assertNever(shape)
  }
}

function inSequence(node: XmlNode, items: readonly Item[], path: string): Fault | null {
  let at = 0
  for (const item of items) {
    let count = 0
    for (let child = node.children[at]; child !== undefined && child.name === item.name; child = node.children[at]) {
      if (++count > item.most) return { code: 'FF01', path: `${path}/${item.name}`, text: 'comes too often' }
      const wrong = misshape(child, item.shape, `${path}/${item.name}`)
      if (wrong !== null) return wrong
      at++
    }
    if (item.required && count === 0) {
      const elsewhere = node.children.some((child) => child.name === item.name)
      return {
        code: elsewhere ? 'FF01' : 'CH21',
        path: `${path}/${item.name}`,
        text: elsewhere ? 'out of order' : 'missing',
      }
    }
  }
  const extra = node.children[at]
  if (extra === undefined) return null
  const known = items.some((item) => item.name === extra.name)
  return { code: 'FF01', path: `${path}/${extra.name}`, text: known ? 'out of order' : 'not in the profile' }
}
