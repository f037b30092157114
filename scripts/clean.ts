// Removes what builds have made, so that a package holds nothing whose source is gone.
import { globSync, rmSync } from "node:fs"

for (const path of globSync(["packages/*/dist", "packages/adapters/*/dist"])) rmSync(path, { recursive: true })
