/** What a contract itself keeps redacted. */
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpMethod from "effect/http/HttpMethod"
import * as SchemaAST from "effect/SchemaAST"

/** Whether the URL of a request may hold what is a `Redacted`. A payload is in the query where the method has no body. */
export const hasSecretUrl = ({ method, params, payload, query }: HttpApiEndpoint.Top): boolean => {
  const payloads = HttpMethod.hasBody(method) ? [] : Array.from(payload.values()).flatMap(({ schemas }) => schemas)
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
  return [params, query, ...payloads].some((schema) => schema !== undefined && holds(schema.ast))
}

const isRedacted = (annotations: { readonly representation?: unknown } | undefined): boolean => {
  const { representation } = annotations ?? {}
  return typeof representation === "object" && representation !== null && "id" in representation &&
    representation.id === "effect/schema/Redacted"
}
