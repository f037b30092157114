/** How one of several endpoints is chosen. There is at least one; what is down or was tried has been left out. */
import type { Node } from "./node.ts"

export type Strategy = "round-robin" | "weighted-random" | "least-in-flight" | "consistent-hash"

/** `random`: from 0 to 1, 1 excluded. */
export type Picker = (nodes: ReadonlyArray<Node>, random: () => number, key: string | undefined) => Node

export const make = (strategy: Strategy): Picker => {
  switch (strategy) {
    case "round-robin":
      return roundRobin()
    case "weighted-random":
      return weightedRandom
    case "least-in-flight":
      return leastInFlight
    case "consistent-hash":
      return consistentHash
  }
}

/** One after the other. */
const roundRobin = (): Picker => {
  let turn = 0
  return (nodes) => {
    turn = turn % nodes.length
    return nodes[turn++]!
  }
}

const weightedRandom: Picker = (nodes, random) => {
  let total = 0
  for (const { endpoint: { weight = 1 } } of nodes) total += weight
  let left = random() * total
  for (const node of nodes) {
    left -= node.endpoint.weight ?? 1
    if (left < 0) return node
  }
  return nodes.at(-1)!
}

/**
 * Of two at random the one with less in flight for its weight: nearly as even as the least of all, and no crowd runs to the
 * one that has just been found idle.
 *
 * @see M. Mitzenmacher, The Power of Two Choices in Randomized Load Balancing, 2001
 */
const leastInFlight: Picker = (nodes, random) => {
  const count = nodes.length
  const first = nodes[Math.floor(random() * count)]!
  if (count === 1) return first
  const other = Math.floor(random() * (count - 1))
  // One of the others: the last takes the place of the first.
  const second = nodes[other] === first ? nodes[count - 1]! : nodes[other]!
  return load(second) < load(first) ? second : first
}

const load = ({ endpoint: { weight = 1 }, inFlight }: Node): number => (inFlight + 1) / weight

/**
 * Rendezvous: every endpoint draws a lot for the key, and the highest wins. A key moves only when its own endpoint goes, or
 * one comes that draws higher.
 *
 * @see D. Thaler and C. Ravishankar, Using Name-Based Mappings to Increase Hit Rates, 1998
 */
const consistentHash: Picker = (nodes, random, key) => {
  const hash = key === undefined ? Math.floor(random() * 2 ** 32) : hashOf(key)
  let best = nodes[0]!
  let highest = -Infinity
  for (const node of nodes) {
    const score = (node.endpoint.weight ?? 1) / -Math.log(lot(hash, node.hash))
    if (score > highest) {
      highest = score
      best = node
    }
  }
  return best
}

/** Between 0 and 1, both excluded. */
const lot = (key: number, node: number): number => (mixed(key ^ node) + 0.5) / 2 ** 32

/** FNV-1a over UTF-16 units. */
export const hashOf = (text: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return mixed(hash)
}

/** The finalizer of MurmurHash3: every bit depends on every other. */
const mixed = (hash: number): number => {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
