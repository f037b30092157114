/** Schemas as plain functions. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import * as Compiled from "../compiled.ts"
import { failOf } from "../failure.ts"

/** One direction of a schema. The effect is an `Exit` unless the schema itself is effectful. Never throws. */
export type Parse<A = unknown, I = unknown> = (input: I) => Effect.Effect<A, SchemaIssue.Issue>

/** From the wire. */
export const decoder = (schema: Schema.Constraint, options: SchemaAST.ParseOptions | undefined): Parse => {
  Compiled.enable(schema.ast)
  return guarded(SchemaParser.decodeUnknownEffect(schema, options))
}

/** To the wire. */
export const encoder = (schema: Schema.Constraint, options: SchemaAST.ParseOptions | undefined): Parse => {
  Compiled.enable(SchemaAST.flip(schema.ast))
  return guarded(SchemaParser.encodeUnknownEffect(schema, options))
}

/** The first that accepts the input, in order; the issues of all of them if none does. */
export const firstOf = <A, I>(parsers: ReadonlyArray<Parse<A, I>>): Parse<A, I> => {
  const only = parsers[0]
  if (only !== undefined && parsers.length === 1) return only
  const from =
    (index: number, issues: ReadonlyArray<SchemaIssue.Issue>) => (input: I): Effect.Effect<A, SchemaIssue.Issue> => {
      const parse = parsers[index]
      if (parse === undefined) return Exit.fail(new SchemaIssue.AnyOf(nothing, issues))
      return Effect.matchCauseEffectEager(parse(input), {
        onSuccess: Exit.succeed,
        onFailure: (cause) => {
          const fail = failOf(cause)
          return fail === undefined ? Exit.failCause(cause) : from(index + 1, [...issues, fail.error])(input)
        }
      })
    }
  return from(0, [])
}

const nothing = new SchemaAST.Union([])

/** What throws is a defect of the contract. The cast leaves the services of schemas to the context of the caller. */
export const guarded =
  <A, I>(run: (input: I) => Effect.Effect<A, SchemaIssue.Issue, unknown>): Parse<A, I> => (input) => {
    try {
      return run(input) as Effect.Effect<A, SchemaIssue.Issue>
    } catch (defect) {
      return Exit.die(defect)
    }
  }
