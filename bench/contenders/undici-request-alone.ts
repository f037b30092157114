// The baseline in a process that has not loaded Effect.
export { open } from "./undici-request.ts"
export const isApplication = false
