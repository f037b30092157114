export * as Answer from "./Answer.ts"
export * as Received from "./Received.ts"
export * as TestTransport from "./TestTransport.ts"
