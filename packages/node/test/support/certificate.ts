/** A self-signed certificate for localhost, written as DER by hand, so that no tool and no committed key is needed. */
import { generateKeyPairSync, sign } from "node:crypto"

export const selfSigned = (): { readonly key: string; readonly cert: string } => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
  const algorithm = sequence(Buffer.from("06082a8648ce3d040302", "hex")) // ecdsa-with-SHA256
  const name = sequence(
    tagged(0x31, sequence(Buffer.from("0603550403", "hex"), tagged(0x0c, Buffer.from("localhost"))))
  )
  const subjectAltName = sequence(tagged(0x82, Buffer.from("localhost")))
  const body = sequence(
    tagged(0xa0, Buffer.from("020102", "hex")), // version 3
    Buffer.from("020101", "hex"), // serial number
    algorithm,
    name,
    sequence(tagged(0x17, Buffer.from("200101000000Z")), tagged(0x17, Buffer.from("491231235959Z"))),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    tagged(0xa3, sequence(sequence(Buffer.from("0603551d11", "hex"), tagged(0x04, subjectAltName))))
  )
  const signature = tagged(0x03, Buffer.concat([Buffer.from([0]), sign("sha256", body, privateKey)]))
  const base64 = sequence(body, algorithm, signature).toString("base64")
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`
  }
}

const tagged = (tag: number, ...parts: ReadonlyArray<Buffer>): Buffer => {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}
const sequence = (...parts: ReadonlyArray<Buffer>): Buffer => tagged(0x30, ...parts)
