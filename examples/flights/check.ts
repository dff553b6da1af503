/** What must hold at the end. */

/** Each problem says how it does not hold. */
export interface Check {
  readonly claim: string
  readonly problems: ReadonlyArray<string>
}

/** A check of figures that must be equal, by what they count. */
export const equal = (claim: string, pairs: Readonly<Record<string, readonly [number, number]>>): Check => ({
  claim,
  problems: Object.entries(pairs)
    .filter(([, [left, right]]) => left !== right)
    .map(([what, [left, right]]) => `${what}: ${left} against ${right}`)
})
