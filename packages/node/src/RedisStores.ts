/**
 * State that processes share in Redis: circuits, limits, and what caches keep. What one integration needs of it lies under
 * names of its own behind a prefix, each with a time after which Redis forgets it; the clock is that of Redis.
 *
 * Nobody waits for a Redis that is not there, not even the Layer: an operation has a time limit, and where Redis does not
 * answer, `whenUnavailable` says what policies do until it does again.
 *
 * @example
 * import { NodeRedis } from "@effect/platform-node"
 *
 * RedisStores.layer({ prefix: "shop:" }).pipe(Layer.provide(NodeRedis.layer({ url: "redis://localhost" })))
 *
 * @see `NodeSwitchboard.layerRedis`, which brings its own connection
 */
import { InvalidOptions, type Problem } from "@switchboard/core/InvalidOptions"
import * as Stores from "@switchboard/core/Stores"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redis from "effect/persistence/Redis"
import * as Redacted from "effect/Redacted"
import type { ConnectionOptions } from "node:tls"
import * as Commands from "./internal/redis/commands.ts"

export interface Options {
  /** What all keys begin with, not empty. Default `switchboard:`. Programs share what they keep under the same one. */
  readonly prefix?: string | undefined
  /**
   * What policies do while Redis cannot be reached. Default `local`: each process goes on with its own state. `refuse`:
   * what would have to ask Redis is refused.
   */
  readonly whenUnavailable?: Stores.WhenUnavailable | undefined
  /**
   * How long Redis may take to answer: positive, finite. Default 250 milliseconds. A change of a key that others change at
   * the same time takes several answers, and at most ten times as long.
   */
  readonly timeout?: Duration.Input | undefined
  /** How long Redis is not asked after a failure: positive. Default 1 second; doubles up to 30 with each in a row. */
  readonly retryAfter?: Duration.Input | undefined
}

/** Where Redis is. */
export interface ConnectOptions extends Options {
  /** `redis://`, or `rediss://` for TLS, `[[user]:password@]host[:port][/database]`. It may hold a password. */
  readonly url: string | Redacted.Redacted<string>
  /** Default: that of the url, if there is one. */
  readonly username?: string | undefined
  /** Default: that of the url, if there is one. */
  readonly password?: string | Redacted.Redacted<string> | undefined
  /** How a `rediss://` is connected to: `ca`, `cert`, `key`. Default: the platform's. */
  readonly tls?: ConnectionOptions | undefined
}

/** What is shared, over Effect's own service. What that queues while it is not connected may be sent later. */
export const layer = (options: Options = {}): Layer.Layer<Stores.Stores, InvalidOptions, Redis.Redis> =>
  Layer.effect(
    Stores.Stores,
    Effect.gen(function*() {
      yield* refuse(validate(options))
      return yield* make((yield* Redis.Redis).send, options)
    })
  )

/**
 * The same with a connection of its own, which needs the package `redis`. It is made in the
 * background, so that a program starts without Redis and uses it from the moment it is there.
 */
export const layerConnect = (options: ConnectOptions): Layer.Layer<Stores.Stores, InvalidOptions> =>
  Layer.effect(
    Stores.Stores,
    Effect.gen(function*() {
      yield* refuse(validate(options), validateConnect(options))
      // Only who connects needs the packages that are imported there.
      const { connect } = yield* Effect.promise(() => import("./internal/redis/connection.ts"))
      const { password, tls, url, username } = options
      const send = yield* connect({
        url: plain(url),
        username,
        password: password === undefined ? undefined : plain(password),
        tls
      })
      return yield* make(send, options)
    })
  )

/** A change of what others change too takes no longer than so many answers of Redis, at their slowest. */
const rounds = 10

const make = Effect.fnUntraced(function*(send: Commands.Send, options: Options) {
  const { prefix = "switchboard:", retryAfter, timeout = 250, whenUnavailable = "local" } = options
  const guard = yield* Stores.guard(whenUnavailable, { store: "redis", timeout, retryAfter })
  const patience = rounds * Duration.toMillis(timeout)
  return Stores.fromShared(yield* Commands.make(send, { prefix, whenUnavailable, guard, patience }))
})

/** What is wrong with some options. */
export const validate = (options: Options): ReadonlyArray<Problem> => [
  ...Stores.validateGuard(options),
  ...problem(options.prefix === "", "prefix", "must not be empty"),
  ...problem(
    options.whenUnavailable !== undefined && options.whenUnavailable !== "local" &&
      options.whenUnavailable !== "refuse",
    "whenUnavailable",
    "must be local or refuse"
  )
]

const validateConnect = ({ tls, url }: ConnectOptions): ReadonlyArray<Problem> => [
  ...problem(!isRedisUrl(plain(url)), "url", "must be redis:// or rediss://, with a number as its path if it has one"),
  ...problem(tls !== undefined && !plain(url).startsWith("rediss:"), "tls", "needs a url that begins with rediss://")
]

/** Nothing of it is repeated, because it may hold a password. */
const isRedisUrl = (text: string): boolean => {
  try {
    const { password, pathname, protocol, username } = new URL(text)
    decodeURIComponent(username)
    decodeURIComponent(password)
    return /^rediss?:$/.test(protocol) && /^(\/\d*)?$/.test(pathname)
  } catch {
    return false
  }
}

const problem = (wrong: boolean, option: string, text: string): ReadonlyArray<Problem> =>
  wrong ? [{ option, problem: text }] : []

const refuse = (...problems: ReadonlyArray<ReadonlyArray<Problem>>): Effect.Effect<void, InvalidOptions> => {
  const all = problems.flat()
  return all.length === 0 ? Effect.void : Effect.fail(InvalidOptions.of(all, "Redis"))
}

const plain = (text: string | Redacted.Redacted<string>): string =>
  Redacted.isRedacted(text) ? Redacted.value(text) : text
