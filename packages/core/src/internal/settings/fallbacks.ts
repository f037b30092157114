/** Fallbacks that are data, by operation. Whether a value is one of the operation is known where its contract is. */
import type * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { Reason } from "../../IntegrationError.ts"
import { positive } from "../checks.ts"
import { strict } from "./section.ts"

/** By `group.endpoint`. */
export type FallbackSettings = Readonly<Record<string, ReadonlyArray<FallbackSetting>>>

/** What `Fallback.cache` and `Fallback.value` are told; the value is as the remote would send it, with that status (200). */
export type FallbackSetting =
  | { readonly type: "cache"; readonly maxAge: Duration.Duration; readonly on?: Reasons }
  | { readonly type: "value"; readonly value: Schema.Json; readonly status?: number; readonly on?: Reasons }
type Reasons = ReadonlyArray<Reason["_tag"]>

const on = Schema.optionalKey(
  Schema.Array(Schema.Literals(Reason.members.map(({ fields }) => fields._tag.schema.literal)))
)

/** The schema, with the encoding of durations that the other settings have. */
export const make = (duration: Schema.Codec<Duration.Duration, string>) =>
  Schema.Record(
    Schema.String,
    Schema.Array(Schema.Union([
      Schema.Struct({
        type: Schema.Literal("cache"),
        maxAge: duration.check(Schema.makeFilter((value) => positive("maxAge", value)?.problem)),
        on
      }).annotate(strict),
      Schema.Struct({
        type: Schema.Literal("value"),
        value: Schema.Json,
        status: Schema.optionalKey(Schema.Int),
        on
      }).annotate(strict)
    ]))
  )
