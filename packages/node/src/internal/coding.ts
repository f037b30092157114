/**
 * Content codings: which are understood, and a decoder for a whole small body.
 *
 * @see RFC 9110 section 8.4.1 (gzip, deflate), RFC 7932 (br), RFC 8878 (zstd)
 */
import * as zlib from "node:zlib"

export type Coding = "gzip" | "deflate" | "br" | "zstd"

/** What a request accepts, unless it says otherwise itself. */
export const acceptEncoding = "gzip, deflate, br, zstd"

/** Codings of an answer, the last applied first; undefined if none or an unknown one: then nothing is decoded. */
export const codingsOf = (header: string | ReadonlyArray<string> | undefined): ReadonlyArray<Coding> | undefined => {
  if (header === undefined) return undefined
  const names = (typeof header === "string" ? header : header.join(",")).toLowerCase().split(",")
  const codings: Array<Coding> = []
  for (let i = names.length - 1; i >= 0; i--) {
    const name = names[i]!.trim()
    if (name === "" || name === "identity") continue
    const coding = name === "x-gzip" ? "gzip" : name
    if (!isCoding(coding) || codings.length === maxCodings) return undefined
    codings.push(coding)
  }
  return codings.length === 0 ? undefined : codings
}

/** An answer to which this applies has no body to decode. */
export const isBodiless = (method: string, status: number): boolean =>
  method === "HEAD" || status === 204 || status === 304

/** Decodes a whole body at once; throws `ERR_BUFFER_TOO_LARGE` beyond `limit` bytes, and zlib's errors. */
export const decodeSync = (codings: ReadonlyArray<Coding>, body: Uint8Array, limit: number): Uint8Array => {
  const options = { maxOutputLength: Math.max(1, limit) }
  return codings.reduce((bytes, coding): Uint8Array => {
    switch (coding) {
      case "gzip":
        return zlib.gunzipSync(bytes, options)
      case "deflate":
        return isZlib(bytes[0]) ? zlib.inflateSync(bytes, options) : zlib.inflateRawSync(bytes, options)
      case "br":
        return zlib.brotliDecompressSync(bytes, options)
      case "zstd":
        return zlib.zstdDecompressSync(bytes, { ...options, ...zstd })
    }
  }, body)
}

/** A stream that decodes and passes each piece on as soon as it can. `first` is the first byte of the body. */
export const makeTransform = (coding: Coding, first: number | undefined): zlib.Gunzip | zlib.ZstdDecompress => {
  switch (coding) {
    case "gzip":
      return zlib.createGunzip(flush)
    case "deflate":
      return isZlib(first) ? zlib.createInflate(flush) : zlib.createInflateRaw(flush)
    case "br":
      return zlib.createBrotliDecompress({ flush: zlib.constants.BROTLI_OPERATION_FLUSH })
    case "zstd":
      return zlib.createZstdDecompress({ ...zstd, flush: zlib.constants.ZSTD_e_flush })
  }
}

const maxCodings = 3
const isCoding = (name: string): name is Coding =>
  name === "gzip" || name === "deflate" || name === "br" || name === "zstd"
/** "deflate" is zlib's format; some servers send it without the header. */
const isZlib = (first: number | undefined): boolean => first === undefined || (first & 0x0f) === 8
const flush = { flush: zlib.constants.Z_SYNC_FLUSH }
/** At most 8 MiB of window, which every encoder for HTTP must keep to. RFC 9659. */
const zstd = { params: { [zlib.constants.ZSTD_d_windowLogMax]: 23 } }
