/** The program as a user runs it, with fewer orders: its exit code, its report, and its end when it is interrupted. */
import { assert, it } from "@effect/vitest"
import { Schema } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Report from "./Report.ts"

const main = fileURLToPath(new URL("./main.ts", import.meta.url))

const start = (...args: ReadonlyArray<string>) => {
  const { NOTIFICATIONS_BASE_URL: _, PAYMENTS_BASE_URL: __, ...env } = process.env
  const child = spawn(process.execPath, ["--conditions=switchboard-source", main, ...args], { env })
  let output = ""
  child.stdout.on("data", (chunk) => output += chunk)
  child.stderr.on("data", (chunk) => output += chunk)
  return { child, ended: once(child, "close"), output: () => output }
}

it("a shift with an outage ends well, and its report adds up", { timeout: 30_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "coffee-shop-"))
  const file = join(folder, "report.json")
  const log = join(folder, "events.ndjson")
  try {
    const { ended, output } = start("--orders", "80", "--seed", "7", "--json", file, "--log", log)
    assert.deepStrictEqual(await ended, [0, null], output())
    assert.include(output(), "Nothing was charged twice, and no order was lost.")

    const report = Schema.decodeUnknownSync(Report.Report)(JSON.parse(readFileSync(file, "utf8")))
    const { events, money, orders, payments, transitions } = report
    assert.deepStrictEqual(report.broken, [])
    assert.strictEqual(orders.placed, 80)
    assert.strictEqual(orders.paid + orders.declined + orders.failed + orders.unknown, 80)
    assert.strictEqual(sum(orders.reasons), 80 - orders.paid)
    assert.isAbove(orders.paid, 40)
    assert.strictEqual(money.charged, money.paid)
    assert.strictEqual(payments.calls, 80 + orders.placedAgain)
    assert.strictEqual(sum(payments.outcomes), payments.calls)
    assert.strictEqual(payments.amplification, payments.requests! / payments.calls)
    assert.isAtMost(payments.amplification!, 2)
    assert.isAtMost(payments.duration.p50, payments.duration.p99)
    assert.isAtLeast(report.timeToRecover!, 0)

    const states = transitions.filter(({ integration }) => integration === "coffee/Payments").map(({ to }) => to)
    assert.includeMembers(states, ["Open", "HalfOpen", "Closed"])
    assert.strictEqual(states.at(-1), "Closed")
    assert.strictEqual(readFileSync(log, "utf8").trimEnd().split("\n").length, sum(events))
  } finally {
    rmSync(folder, { recursive: true })
  }
})

it("an interrupted shop sends what it has to send, and takes the providers with it", { timeout: 30_000 }, async () => {
  const { child, ended, output } = start("--orders", "300")
  while (!output().includes("orders:")) await once(child.stdout, "data")
  child.kill("SIGINT")
  // The output closes when nobody holds it any more, the providers included.
  assert.deepStrictEqual(await ended, [130, null], output())
  assert.notInclude(output(), "shut down before")
})

it("what is wrong with the command line is said", { timeout: 20_000 }, async () => {
  const { ended, output } = start("--orders", "0")
  assert.deepStrictEqual(await ended, [1, null])
  assert.include(output(), "--orders")
})

const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0)
