import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { XmlDocument, XsdValidator } from 'libxml2-wasm'

/** The published ISO 20022 schemas, where they are at hand; tests that need them are skipped by name where they are not. */
export const SPECS = join(
  process.env['MOORING_SPECS'] ?? join(import.meta.dirname, '../../../shared/specs'),
  'iso20022',
)

/** null when the message is of the published schema its namespace names. */
export function violation(xml: string): string | null {
  const name = /xmlns="urn:iso:std:iso:20022:tech:xsd:([^"]+)"/.exec(xml)?.[1] ?? ''
  const schema = XmlDocument.fromBuffer(readFileSync(join(SPECS, `${name}.xsd`)))
  const validator = XsdValidator.fromDoc(schema)
  const document = XmlDocument.fromString(xml)
  try {
    validator.validate(document)
    return null
  } catch (error) {
    return `${String(error)}\n${xml}`
  } finally {
    document.dispose()
    validator.dispose()
    schema.dispose()
  }
}
