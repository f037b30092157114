/** The layers of an integration, before the contract's types are put on them. */
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Definition from "../../Definition.ts"
import { type InvalidOptions, refuse } from "../../InvalidOptions.ts"
import * as Configuration from "../settings/configuration.ts"
import { fromDefinition } from "./authentication.ts"
import { controlsOf, type ReloadOptions } from "./generations.ts"
import * as Live from "./live.ts"
import { configNameProblem } from "./names.ts"
import * as TestClient from "./testClient.ts"

/** What `Integration.Service` adds to a service. */
export const members = <Self>(
  service: Context.Service<Self, object>,
  declared: Live.Declared,
  configName: string
) => {
  const schema = Definition.settings(declared.auth, declared.baseUrl)
  const problem = configNameProblem(configName)
  const environment = problem === undefined ? Configuration.options(configName, schema) : []
  const live = (given: Live.Given) => Layer.effect(service, Live.make(declared, given))
  const named = problem === undefined ? Effect.void : refuse([{ option: "configName", problem }])
  const configured = <A, R>(use: (settings: Live.Settings) => Effect.Effect<A, InvalidOptions, R>) =>
    named.pipe(
      Effect.andThen(Configuration.read(configName, environment)),
      Effect.flatMap(Definition.decodeWith(Schema.toCodecStringTree(schema))),
      Effect.flatMap(use),
      Effect.catchTag("InvalidOptions", (invalid) => Effect.fail(toConfigError(declared.id, environment, invalid)))
    )
  const controls = Effect.map(service, controlsOf<Live.Given>)
  const reload = (given: Live.Given, options?: ReloadOptions) =>
    Effect.flatMap(controls, (controls) => controls?.reload(given, options) ?? Effect.void)
  return {
    api: declared.api,
    layer: (settings: Live.Settings = {}) => live({ settings }),
    layerConfig: Layer.effect(service, configured((settings) => Live.make(declared, { settings }))),
    layerDefinition: (definition: Definition.Definition) => live(givenBy(definition)),
    layerTest: (handlers: object) => Layer.succeed(service, TestClient.make(declared.id, declared.api, handlers)),
    environment,
    circuit: Effect.map(controls, (controls) => controls?.breaker()),
    reload: (settings: Live.Settings, options?: ReloadOptions) => reload({ settings }, options),
    reloadConfig: (options?: ReloadOptions) => configured((settings) => reload({ settings }, options)),
    reloadDefinition: (definition: Definition.Definition, options?: ReloadOptions) =>
      reload(givenBy(definition), options)
  }
}

/** A definition has a scheme and a name of its own. */
const givenBy = ({ authentication, name, version, ...settings }: Definition.Definition): Live.Given => {
  const { auth, credentials } = fromDefinition(authentication)
  const userAgent = version === undefined ? name : `${name}/${version}`
  return { settings: { ...settings, ...credentials }, instead: { auth, userAgent } }
}

const toConfigError = (
  id: string,
  environment: ReadonlyArray<Configuration.Option>,
  { problems }: InvalidOptions
): Config.ConfigError => {
  const lines = problems.map(({ option, problem }) => {
    // The option of an operation stands after the operation's name.
    const path = option.slice(option.lastIndexOf(" ") + 1)
    const known = environment.find((one) => one.path.join(".") === path)
    return known === undefined ? `${option} ${problem}` : `${known.variable} (${option}) ${problem}`
  })
  return new Config.ConfigError(
    new ConfigProvider.SourceError({ message: `${id}: invalid settings: ${lines.join("; ")}` })
  )
}
