/** What README and docs list is what the code has, and their links lead somewhere. */
import * as Auth from "@switchboard/core/Auth"
import * as Events from "@switchboard/core/Events"
import * as Integration from "@switchboard/core/Integration"
import * as IntegrationError from "@switchboard/core/IntegrationError"
import * as Resilience from "@switchboard/core/Resilience"
import * as Telemetry from "@switchboard/core/Telemetry"
import { HttpApi } from "effect/http-api"
import { existsSync } from "node:fs"
import { dirname, join } from "node:path"
import { describe, expect, it } from "vitest"
import { documents, read, tableOf } from "./documents.ts"
import { isPublic, packages, root, sourcesOf } from "./sources.ts"

const code = (name: string): string => `\`${name}\``
const codes = (names: ReadonlyArray<string>): string => names.map(code).join(", ")
const first = (table: ReadonlyArray<ReadonlyArray<string>>) => table.map(([cell]) => cell)

describe("README", () => {
  it("lists the pipeline as it is", () => {
    expect(tableOf("README.md", "## The pipeline")).toEqual(
      Resilience.order.map(({ name, position, reason, scope }) => [String(position), name, scope, reason])
    )
  })

  it("names every public module", () => {
    const box = tableOf("README.md", "## What is in the box").flat().join(" ")
    const modules = packages.flatMap((name) => sourcesOf(name).filter(isPublic).map(({ module }) => module))
    expect(modules.filter((module) => module !== "index" && !box.includes(code(module)))).toEqual([])
  })
})

describe("docs", () => {
  it("list every variable that the integration of README reads", () => {
    class Payments extends Integration.Service<Payments>()("coffee/Payments", {
      api: HttpApi.make("payments"),
      auth: Auth.bearer
    }) {}
    expect(tableOf("docs/settings.md", "## Environment").map((row) => row.slice(0, 2))).toEqual(
      Payments.environment.map(({ path, variable }) => [code(variable), code(path.join("."))])
    )
  })

  it("list every reason", () => {
    expect(first(tableOf("docs/errors.md", "# Errors"))).toEqual(
      IntegrationError.Reason.members.map(({ identifier }) => code(identifier.replace("switchboard/", "")))
    )
  })

  it("list every event with its fields", () => {
    expect(tableOf("docs/observe.md", "## Events")).toEqual(
      Events.IntegrationEvent.members.map(({ fields: { _tag, ...fields } }) => [
        code(_tag.schema.literal),
        codes(Object.keys(fields))
      ])
    )
  })

  it("list every span and metric", () => {
    const [spans, metrics] = [tableOf("docs/observe.md", "## Spans"), tableOf("docs/observe.md", "## Metrics")]
    expect(spans).toEqual(
      Object.entries(Telemetry.spans).map((
        [key, { attributes, kind, name }]
      ) => [key, code(name), kind, codes(attributes)])
    )
    expect(metrics).toEqual(
      Object.entries(Telemetry.metrics).map((
        [name, { description, kind, labels, unit }]
      ) => [code(name), kind, unit, codes(labels), description])
    )
  })

  it("are all in the index", () => {
    const index = read("docs/README.md")
    const guides = documents.filter((path) => path.startsWith("docs/") && path !== "docs/README.md")
    expect(guides.filter((path) => !index.includes(`(${path.slice("docs/".length)})`))).toEqual([])
  })
})

/** As GitHub makes them of headings. */
const anchorsOf = (path: string) =>
  [...read(path).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!.toLowerCase().replaceAll(/[^\w -]/g, "").replaceAll(" ", "-")
  )

it("every link of the documents leads to a file and a heading that exist", () => {
  const broken = ["CONTRIBUTING.md", ...documents].flatMap((document) =>
    [...read(document).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!)
      .filter((link) => !/^https?:/.test(link))
      .filter((link) => {
        const [file, anchor] = link.split("#")
        const target = file === "" ? document : join(dirname(document), file!)
        return !existsSync(join(root, target)) || (anchor !== undefined && !anchorsOf(target).includes(anchor))
      })
      .map((link) => `${document}: ${link}`)
  )
  expect(broken).toEqual([])
})
