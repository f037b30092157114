/** What a contract itself keeps redacted. */
import type * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"

/** Whether a value of one of the schemas may hold a `Redacted`. */
export const holdsSecret = (schemas: ReadonlyArray<Schema.Top | undefined>): boolean => {
  const seen = new Set<SchemaAST.AST>()
  const holds = (ast: SchemaAST.AST): boolean => {
    if (seen.has(ast)) return false
    seen.add(ast)
    if (SchemaAST.isObjects(ast)) {
      return ast.propertySignatures.some(({ type }) => holds(type)) ||
        ast.indexSignatures.some(({ type }) => holds(type))
    }
    if (SchemaAST.isArrays(ast)) return [...ast.elements, ...ast.rest].some(holds)
    if (SchemaAST.isUnion(ast)) return ast.types.some(holds)
    if (SchemaAST.isSuspend(ast)) return holds(ast.thunk())
    return isRedacted(ast.annotations)
  }
  return schemas.some((schema) => schema !== undefined && holds(schema.ast))
}

const isRedacted = (annotations: { readonly representation?: unknown } | undefined): boolean => {
  const { representation } = annotations ?? {}
  return typeof representation === "object" && representation !== null && "id" in representation &&
    representation.id === "effect/schema/Redacted"
}
