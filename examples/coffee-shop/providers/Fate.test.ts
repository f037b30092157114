/** The providers' misbehaviour is drawn by seed. */
import { assert, it } from "@effect/vitest"
import { type Fate, Fates } from "./Fate.ts"

const draw = (seed: number): ReadonlyArray<Fate> => {
  const phase = {
    name: "outage",
    seconds: 1,
    latency: [5, 20],
    unavailable: 0.3,
    reset: 0.3,
    resetInBody: 0.2,
    hang: 0.1
  } as const
  const fates = new Fates({ phases: [phase], seed, onPhase: () => {} })
  return Array.from({ length: 500 }, () => fates.next())
}

it("the same seed decides alike, another one differs", () => {
  assert.deepStrictEqual(draw(1), draw(1))
  assert.notDeepEqual(draw(1), draw(2))
})

it("each kind of trouble has about its share", () => {
  const expected = { Unavailable: 0.3, Reset: 0.3, ResetInBody: 0.2, Hang: 0.1, Answer: 0.1 }
  const drawn = draw(3)
  for (const [tag, share] of Object.entries(expected)) {
    assert.approximately(drawn.filter(({ _tag }) => _tag === tag).length / drawn.length, share, 0.06)
  }
})

it("more requests than a provider allows in a second are too many", () => {
  const fates = new Fates({
    phases: [{ name: "limited", seconds: 1, latency: [5, 20], perSecond: 2 }],
    seed: 1,
    onPhase: () => {}
  })
  assert.deepStrictEqual([1, 2, 3].map(() => fates.next()._tag), ["Answer", "Answer", "TooMany"])
})
