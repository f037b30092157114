/**
 * One circuit per key: made at the first use, forgotten when idle. There is no timer: room is made when a key comes that is
 * not known. The map is in the order of the last use, within a sixteenth of the time to live.
 */
import type { Cell } from "./machine.ts"

export type Keys = Map<string, Entry>

export interface Entry {
  readonly key: string
  readonly cell: Cell
  /** Calls that have been let through and have not ended, or that wait for an answer. */
  running: number
  usedAt: number
}

export interface Bounds {
  readonly maxKeys: number
  /** Milliseconds. */
  readonly timeToLive: number
  readonly fresh: () => Cell
  /** Whether nothing is lost with a circuit: of an idle one, or of the one that has been idle for longest. */
  readonly spare: (cell: Cell, now: number, idle: boolean) => boolean
}

/** The most keys that are looked at to make room for one. */
const mostLooks = 32

/** The circuit of that key. `undefined`: it is not known, and there is no room for it. */
export const use = (keys: Keys, key: string, now: number, bounds: Bounds): Entry | undefined => {
  const known = keys.get(key)
  if (known === undefined) return makeRoom(keys, now, bounds) ? add(keys, key, now, bounds) : undefined
  if (now - known.usedAt >= bounds.timeToLive / 16) used(keys, known, now)
  return known
}

/** The same, whether there is room or not. */
export const hold = (keys: Keys, key: string, now: number, bounds: Bounds): Entry =>
  use(keys, key, now, bounds) ?? add(keys, key, now, bounds)

const add = (keys: Keys, key: string, now: number, { fresh }: Bounds): Entry => {
  const entry: Entry = { key, cell: fresh(), running: 0, usedAt: now }
  keys.set(key, entry)
  return entry
}

const used = (keys: Keys, entry: Entry, now: number): void => {
  keys.delete(entry.key)
  entry.usedAt = now
  keys.set(entry.key, entry)
}

const makeRoom = (keys: Keys, now: number, { maxKeys, spare, timeToLive }: Bounds): boolean => {
  let looks = 0
  for (const entry of keys.values()) {
    const idle = now - entry.usedAt >= timeToLive
    if ((!idle && keys.size < maxKeys) || looks++ === mostLooks) break
    if (entry.running === 0 && spare(entry.cell, now, idle)) keys.delete(entry.key)
    // It is looked at again when it is the oldest again.
    else used(keys, entry, now)
  }
  return keys.size < maxKeys
}
