/** Finding a simpler schedule that fails the same way: one with fewer deviations. */
import type { Deviation } from "./schedule.ts"

type Deviations = ReadonlyArray<Deviation>

/**
 * Asks for tries one after the other, in the manner of delta debugging (Zeller and Hildebrandt: "Simplifying
 * and isolating failure-inducing input", 2002): leave out all, a half, a quarter, down to each by itself.
 *
 * A generator, as each try is a run that may take its time. It is told the deviations that the run has made
 * if it failed as well (some of those asked for may have had no place in it), and undefined if it did not.
 */
export function* shrink(deviations: Deviations): Generator<Deviations, Deviations, Deviations | undefined> {
  const tried = new Set<string>()
  let kept = deviations
  let size = kept.length
  while (size > 0) {
    let from = 0
    let isSmaller = false
    while (from < kept.length) {
      const fewer = [...kept.slice(0, from), ...kept.slice(from + size)]
      const key = fewer.join(" ")
      const failed = tried.has(key) ? undefined : yield fewer
      tried.add(key)
      if (failed === undefined) from += size
      else {
        kept = failed
        isSmaller = true
      }
    }
    // What could not be left out before may be, now that others are gone.
    if (!isSmaller || size > kept.length) size = size === 1 ? 0 : Math.ceil(Math.min(size, kept.length) / 2)
  }
  return kept
}
