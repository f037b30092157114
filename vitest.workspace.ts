import { defineConfig } from "vitest/config"

/**
 * One configuration for the whole workspace, given to vitest by name (`vitest run --config vitest.workspace.ts`).
 * A test is an integration test when it opens a real socket, starts a process or needs the real clock.
 */
const everywhere = ["packages/*/test", "packages/adapters/*/test", "examples", "tests"]
const integration = everywhere.map((folder) => `${folder}/**/*.integration.test.ts`)
const unit = everywhere.map((folder) => `${folder}/**/*.test.ts`)

const resolve = { conditions: ["switchboard-source", "node", "import", "module", "default"] }
const ssr = { resolve }

export default defineConfig({
  test: {
    projects: [
      {
        resolve,
        ssr,
        test: {
          name: "unit",
          include: unit,
          exclude: [...integration, "**/node_modules/**"],
          testTimeout: 10_000,
          // Nothing in a module changes, so that files of tests can share them: loading them anew took half of the time.
          isolate: false
        }
      },
      {
        resolve,
        ssr,
        test: { name: "integration", include: integration, testTimeout: 60_000, hookTimeout: 60_000 }
      }
    ]
  }
})
