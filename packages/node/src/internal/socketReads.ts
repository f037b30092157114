/**
 * How sockets are read: into one buffer that all of them share, where Node would allocate 64 KiB for every read. What was
 * read is copied out of it; a socket whose read filled it, as those of large bodies do, has the next ones handed over.
 *
 * A reader of an unencrypted socket gets it within the read, instead of a turn through the queues of its stream.
 */
import type { OnReadOpts, Socket } from "node:net"

const bufferBytes = 65_536
const shared = Buffer.allocUnsafeSlow(bufferBytes)
let next = shared

/** For `net.connect` and `tls.connect`. */
export const onread: OnReadOpts = {
  buffer: () => next,
  callback(this: Reader, bytes: number, buffer: Uint8Array): boolean {
    const chunk = take(buffer as Buffer, bytes)
    next = bytes === bufferBytes ? Buffer.allocUnsafeSlow(bufferBytes) : shared
    // It comes after what waits already.
    if (this[isDirect] !== true || this.readableLength > 0) return this.push(chunk)
    this[arrived] = chunk
    this.emit("readable")
    if (this[arrived] === undefined) return true
    this[arrived] = undefined
    return this.push(chunk)
  }
}

const take = (buffer: Buffer, bytes: number): Buffer => {
  if (buffer !== shared && bytes > bufferBytes / 2) return buffer.subarray(0, bytes)
  const chunk = Buffer.allocUnsafe(bytes)
  buffer.copy(chunk, 0, 0, bytes)
  return chunk
}

const isDirect = Symbol("isDirect")
const arrived = Symbol("arrived")
interface Reader extends Socket {
  [isDirect]?: boolean
  /** What was read, until its reader, told by `readable`, has taken it. */
  [arrived]?: Buffer | undefined
}

/** Hands what was read by `onread` to readers of `readable` at once. TLS may read within a call of `read`, and is left alone. */
export const readDirectly = (socket: Reader): void => {
  if ("encrypted" in socket) return
  const { read } = socket
  socket[isDirect] = true
  socket.read = function(this: Reader, size?: number) {
    const chunk = this[arrived]
    if (chunk === undefined) return read.call(this, size)
    this[arrived] = undefined
    return chunk
  }
}
