/** A group of options as a Schema whose ranges are those of the policy that the options belong to. */
import * as Schema from "effect/Schema"
import type { Problem } from "../../InvalidOptions.ts"

/** What is wrong with some of the options. */
export type Validate = (options: object) => ReadonlyArray<Problem>

/** Every problem is reported, and a key that is not known is one. */
export const strict = { parseOptions: { errors: "all", onExcessProperty: "error" } } as const

/** Every field is optional. Each is checked for itself, so that one wrong type hides no other problem; then the whole. */
export const section = <const Fields extends Record<string, Schema.Top>>(
  validate: Validate,
  fields: Fields
): Schema.Struct<{ readonly [Name in keyof Fields]: Schema.optionalKey<Fields[Name]> }> => {
  const optional: Record<string, Schema.Top> = {}
  for (const [name, schema] of Object.entries(fields)) optional[name] = option(validate, name, schema)
  // The fields are those given, each made optional.
  return Schema.Struct(optional).check(whole(validate)).annotate(strict) as never
}

/** A section that is left out if it is `false`. */
export const switchable = <S extends Schema.Top>(section: S): Schema.Union<readonly [Schema.Literal<false>, S]> =>
  Schema.Union([Schema.Literal(false), section])

/** One optional field, checked for itself. */
export const option = <S extends Schema.Top>(
  validate: Validate,
  name: string,
  schema: S
): Schema.optionalKey<S["Rebuild"]> =>
  Schema.optionalKey(
    schema.check(
      Schema.makeFilter((value) => validate({ [name]: value }).find((problem) => problem.option === name)?.problem)
    )
  )

/** What is wrong with options together. */
export const whole = (validate: Validate) =>
  Schema.makeFilter((options: object) =>
    validate(options).map(({ option, problem }) => ({ path: option.split("."), issue: problem }))
  )

/** The problems of a nested group, by their names within it. */
export const nested = (name: string, problems: ReadonlyArray<Problem>): ReadonlyArray<Problem> =>
  problems.filter(({ option }) => option.startsWith(`${name}.`))
    .map(({ option, problem }) => ({ option: option.slice(name.length + 1), problem }))
