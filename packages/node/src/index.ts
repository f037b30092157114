export * as NodeSwitchboard from "./NodeSwitchboard.ts"
export * as RedisStores from "./RedisStores.ts"
export * as UndiciTransport from "./UndiciTransport.ts"
