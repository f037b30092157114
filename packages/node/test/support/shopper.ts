/** A program of its own: calls a server without a pause for so many milliseconds, with its state in Redis; prints what came. */
import * as Integration from "@switchboard/core/Integration"
import * as NodeSwitchboard from "@switchboard/node/NodeSwitchboard"
import * as Effect from "effect/Effect"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

const [redis = "", baseUrl = "", settings = "{}", millis = "0"] = process.argv.slice(2)

class Menus extends HttpApiGroup.make("menus").add(HttpApiEndpoint.get("today", "/menu", { success: Schema.String })) {}
class Shop extends Integration.Service<Shop>()("test/Shopper", { api: HttpApi.make("shop").add(Menus), baseUrl }) {}

const came: Record<string, number> = {}
const note = (what: string) =>
  Effect.sync(() => {
    came[what] = (came[what] ?? 0) + 1
  })

const calling = Effect.gen(function*() {
  const { menus } = yield* Shop
  // What is still under way at the end is left.
  const once = Effect.forkScoped(Effect.matchEffect(menus.today(), {
    onSuccess: () => note("answered"),
    onFailure: ({ reason }) => note(reason._tag)
  }))
  yield* Effect.forever(Effect.andThen(once, Effect.sleep("10 millis"))).pipe(
    Effect.timeoutOption(Number(millis))
  )
}).pipe(Effect.scoped)

const live = Shop.layer(JSON.parse(settings)).pipe(
  Layer.provide(NodeSwitchboard.layerRedis({ url: redis, timeout: "10 seconds" }))
)
await Effect.runPromise(Effect.provide(calling, live))
process.stdout.write(JSON.stringify(came))
