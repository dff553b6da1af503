/** How numbers and times are written: short, and as wide as the others in their column. */

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 })
const oneDigit = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 })

/** A count, with its thousands set apart. */
export const formatCount = (count: number): string => whole.format(count)

/** A count with its noun, which has an `s` unless it is one. */
export const formatCounted = (count: number, noun: string): string =>
  `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`

/** So many in a second. A rate that rounds to nothing still says that there was something. */
export const formatRate = (rate: number): string => {
  if (rate === 0) return "0"
  if (rate < 0.05) return "<0.1"
  if (rate < 99.95) return oneDigit.format(rate)
  return rate < 99_999.5 ? whole.format(rate) : `${whole.format(rate / 1000)}k`
}

/** A time in milliseconds, to two or three digits. */
export const formatMillis = (millis: number): string => {
  if (millis < 0.1) return "<0.1 ms"
  if (millis < 9.95) return `${oneDigit.format(millis)} ms`
  if (millis < 999.5) return `${whole.format(millis)} ms`
  if (millis < 9995) return `${(millis / 1000).toFixed(2)} s`
  if (millis < 59_950) return `${(millis / 1000).toFixed(1)} s`
  const seconds = Math.round(millis / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${String(seconds % 60).padStart(2, "0")} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} m`
  return `${Math.floor(minutes / 1440)} d ${Math.floor((minutes % 1440) / 60)} h`
}

/** A time in seconds, as histograms have it; a dash where there was nothing to measure. */
export const formatSeconds = (seconds: number | undefined): string =>
  seconds === undefined ? "–" : formatMillis(seconds * 1000)

/** How long ago something was, in whole seconds for as long as they matter. */
export const formatAge = (millis: number): string => {
  const seconds = Math.round(millis / 1000)
  return seconds < 60 ? `${seconds} s` : formatMillis(seconds * 1000)
}

/** What is left until something, to the tenth of a second. Never less than nothing. */
export const formatLeft = (millis: number): string => {
  const left = Math.max(0, millis)
  return left < 60_000 ? `${(left / 1000).toFixed(1)} s` : formatMillis(left)
}

const pad = (value: number, digits: number) => String(value).padStart(digits, "0")

/** The time of day, where the reader is. */
export const formatClock = (time: number): string => {
  const date = new Date(time)
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => pad(part, 2)).join(":")
}

/** The same to the millisecond. */
export const formatClockMillis = (time: number): string =>
  `${formatClock(time)}.${pad(new Date(time).getMilliseconds(), 3)}`

/** Counts by reason, the largest first. */
export const formatReasons = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .filter(([, count]) => count > 0)
    .toSorted(([, a], [, b]) => b - a)
    .map(([reason, count]) => `${reason} ${formatCount(count)}`)
    .join(", ")
