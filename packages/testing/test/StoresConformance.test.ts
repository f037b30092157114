import { it } from "@effect/vitest"
import * as Stores from "@switchboard/core/Stores"
import * as StoresConformance from "@switchboard/testing/StoresConformance"

StoresConformance.suite(it, "layerMemory", Stores.layerMemory)
