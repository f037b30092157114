/**
 * How sockets are read: into one buffer that all of them share, where Node would allocate 64 KiB for every read. What was
 * read is copied out of it. A socket whose read filled it, as those of large bodies do, reads into a buffer of its own
 * next, which is handed over without a copy.
 *
 * A reader of an unencrypted socket gets it within the read, instead of a turn through the queues of its stream.
 */
import type { OnReadOpts, Socket } from "node:net"
import { Duplex } from "node:stream"

const bufferBytes = 65_536
const shared = Buffer.allocUnsafeSlow(bufferBytes)
/** For the socket that has just been read, which asks for its next buffer at once; for any other, the shared one. */
let next = shared

/** For `net.connect` and `tls.connect`. */
export const onread: OnReadOpts = {
  buffer: () => {
    const given = next
    next = shared
    return given
  },
  callback(this: Reader, bytes: number, buffer: Uint8Array): boolean {
    const chunk = take(this, buffer as Buffer, bytes)
    const goOn = hand(this, chunk)
    // Last, because readers may open sockets, which ask for a buffer, too.
    if (bytes === bufferBytes) next = Buffer.allocUnsafeSlow(bufferBytes)
    return goOn
  }
}

/** Others than a direct reader may expect it in memory of its own; for that one, what is small is cut out of Buffer's pool. */
const take = (socket: Reader, buffer: Buffer, bytes: number): Buffer => {
  if (buffer !== shared && bytes > bufferBytes / 2) return buffer.subarray(0, bytes)
  const chunk = socket[isDirect] === true ? Buffer.allocUnsafe(bytes) : Buffer.allocUnsafeSlow(bytes)
  buffer.copy(chunk, 0, 0, bytes)
  return chunk
}

/** False if enough waits to be read. */
const hand = (socket: Reader, chunk: Buffer): boolean => {
  // It comes after what waits already.
  if (socket[isDirect] !== true || socket.readableLength > 0) return socket.push(chunk)
  socket[arrived] = chunk
  socket.emit("readable")
  if (socket[arrived] === undefined) return true
  socket[arrived] = undefined
  return socket.push(chunk)
}

const isDirect = Symbol("isDirect")
const arrived = Symbol("arrived")
interface Reader extends Duplex {
  [isDirect]?: boolean
  /** What was read, until its reader, told by `readable`, has taken it. */
  [arrived]?: Buffer | undefined
}

/** For a reader that waits for `readable` and reads all there is. TLS may read within a call of `read`, and is left alone. */
export const readDirectly = (socket: Socket & Reader): void => {
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

/** For any other reader: as the platform does. It notices the end of a socket that is paused, where `onread` does not. */
export const readAsUsual = (socket: Reader): void => {
  socket.pause = Duplex.prototype.pause
  socket.read = Object.getPrototypeOf(socket).read
  socket[isDirect] = false
}
