// Ours with its metrics exported; they are counted in all others of ours, too.
import { metrics, openWith } from "../observed.ts"

export const open = openWith(metrics)
