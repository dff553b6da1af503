/** Reading and writing the values of settings: durations, sizes, whole numbers, flags. */

const perUnit = { ms: 1, s: 1_000, m: 60_000 } as const

/** Milliseconds of text like `250ms`, `1s`, `1.5s` or `2m`; undefined for anything else, also for a number without a unit. */
export const parseMillis = (text: string): number | undefined => {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m)$/i.exec(text)
  if (match === null) return undefined
  // 1.001 s is 1001 ms, not 1000.9999999999999.
  const millis = Math.round(Number(match[1]) * perUnit[match[2]!.toLowerCase() as keyof typeof perUnit] * 1e6) / 1e6
  return Number.isFinite(millis) ? millis : undefined
}

/** The largest unit in which it is a whole number. */
export const formatMillis = (millis: number): string => {
  if (millis === Number.POSITIVE_INFINITY) return "Infinity"
  if (millis > 0 && millis % perUnit.m === 0) return `${millis / perUnit.m}m`
  return millis > 0 && millis % perUnit.s === 0 ? `${millis / perUnit.s}s` : `${millis}ms`
}

/** Digits alone where that is all; a part of a millisecond needs its unit to be read again. */
export const formatPlainMillis = (millis: number): string =>
  Number.isInteger(millis) ? String(millis) : formatMillis(millis)

const perSize = { b: 1, kib: 1_024, mib: 1_048_576 } as const

/** Bytes of text like `65536B`, `64KiB` or `1MiB`, in any case; undefined for anything else, also for decimal units. */
export const parseBytes = (text: string): number | undefined => {
  const match = /^(\d+)\s*(b|kib|mib)$/i.exec(text)
  if (match === null) return undefined
  const bytes = Number(match[1]) * perSize[match[2]!.toLowerCase() as keyof typeof perSize]
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

export const formatBytes = (bytes: number): string => {
  if (bytes > 0 && bytes % perSize.mib === 0) return `${bytes / perSize.mib}MiB`
  return bytes > 0 && bytes % perSize.kib === 0 ? `${bytes / perSize.kib}KiB` : `${bytes}B`
}

/** A whole number, written in digits alone. */
export const parseWhole = (text: string): number | undefined => {
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(value) ? value : undefined
}

const flags: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  "1": true,
  false: false,
  no: false,
  off: false,
  "0": false
}

export const parseFlag = (text: string): boolean | undefined => {
  const lower = text.toLowerCase()
  return Object.hasOwn(flags, lower) ? flags[lower] : undefined
}
