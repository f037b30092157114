export * as NodeSwitchboard from "./NodeSwitchboard.ts"
export * as UndiciTransport from "./UndiciTransport.ts"
