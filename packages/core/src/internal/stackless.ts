/** Errors without a stack: capturing one costs more than all the rest of a refusal, and would show only the toolkit. */

/** Builds what `make` builds while no stack is captured. Where the engine knows no such limit, nothing changes. */
export const stackless = <E>(make: () => E): E => {
  const limit = engine.stackTraceLimit
  engine.stackTraceLimit = 0
  try {
    return make()
  } finally {
    engine.stackTraceLimit = limit
  }
}

// V8 and JavaScriptCore have the property; the language does not.
const engine = Error as { stackTraceLimit?: number | undefined }
