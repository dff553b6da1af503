/** Numbers, bars and tables as text. */

export const count = (n: number): string => n.toLocaleString("en-US")

/** `1 crash`, `2 crashes`. */
export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`

export const seconds = (millis: number): string => `${(millis / 1000).toFixed(2)} s`

/** How far something has come. */
export interface Progress {
  readonly done: number
  readonly total: number
  /** What is counted. */
  readonly unit: string
  /** What else is worth seeing. */
  readonly note?: string | undefined
}

const blocks = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]

/** A bar of so many columns, filled to an eighth of a column. */
export const bar = (ratio: number, width: number): string => {
  const eighths = Math.floor(Math.min(1, Math.max(0, ratio)) * width * 8)
  return ("█".repeat(eighths >> 3) + blocks[eighths % 8]).padEnd(width, "░")
}

export const progressText = ({ done, note, total, unit }: Progress): string => {
  const percent = `${Math.floor((100 * done) / total)}%`.padStart(4)
  return `${percent}  ${count(done)} of ${count(total)} ${unit}${note === undefined ? "" : `, ${note}`}`
}

/** Columns of equal width: the first `names` to the left, the others, numbers, to the right. */
export const table = (rows: ReadonlyArray<ReadonlyArray<string>>, names: number): ReadonlyArray<string> => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)))
  return rows.map((row) =>
    row
      .map((cell, column) => (column < names ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join("  ")
      .trimEnd()
  )
}

/** Words in lines of at most `width` columns. */
export const wrap = (text: string, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = ""
  for (const word of text.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line)
      line = ""
    }
    line += line === "" ? word : ` ${word}`
  }
  return [...lines, line]
}
