/** The scheme of a definition, and the settings it needs. */
import * as Auth from "../../Auth.ts"

export const fromDefinition = (
  authentication: Auth.Authentication
): { readonly auth: Auth.Auth<any>; readonly credentials: object } => {
  const { scheme: _, ...credentials } = authentication
  switch (authentication.scheme) {
    case "none":
      return { auth: Auth.none, credentials }
    case "bearer":
      return { auth: Auth.bearer, credentials }
    case "basic":
      return { auth: Auth.basic, credentials }
    case "apiKey": {
      const { apiKey, in: where, name } = authentication
      const place = where === "header" ? { header: name } : where === "query" ? { query: name } : { cookie: name }
      return { auth: Auth.apiKey(place), credentials: { apiKey } }
    }
  }
}
