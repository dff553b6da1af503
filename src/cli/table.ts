/** Tables for a terminal: columns that leave when there is no room for them, and a last one that takes what is left. */
import type { Colour, Paint } from "./render.ts"
import { cut, fit } from "./text.ts"

export interface Column<A> {
  readonly title: string
  /** In columns of the terminal. */
  readonly width: number
  readonly align?: "left" | "right"
  /** It is there from this width of the terminal on; if absent, always. */
  readonly from?: number
  readonly cell: (row: A) => string
  readonly colour?: (row: A) => Colour | undefined
}

/** The last column of a table, which is not padded. */
export type LastColumn<A> = Pick<Column<A>, "title" | "cell">

const space = " "

export interface Table<A> {
  readonly head: string
  readonly line: (row: A, isMarked?: boolean) => string
}

/** A line with the titles and one for each row, none longer than `width`. */
export const table = <A>(
  columns: ReadonlyArray<Column<A>>,
  last: LastColumn<A>,
  width: number,
  paint: Paint
): Table<A> => {
  const shown = columns.filter(({ from = 0 }) => from <= width)
  const used = shown.reduce((sum, column) => sum + column.width + space.length, 0)
  const titles = shown.map(({ align, title, width }) => fit(title, width, align))
  const plainly = (row: A) =>
    cut([...shown.map(({ align, cell, width }) => fit(cell(row), width, align)), last.cell(row)].join(space), width)
  return {
    head: cut([...titles, last.title].join(space), width),
    line: (row, isMarked = false) => {
      if (isMarked) return paint(fit(plainly(row), width), "inverse")
      // What is painted cannot be cut, and on a very narrow terminal the first columns alone are too much.
      if (used > width) return plainly(row)
      const cells = shown.map(({ align, cell, colour, width }) => {
        const text = fit(cell(row), width, align)
        const chosen = colour?.(row)
        return chosen === undefined ? text : paint(text, chosen)
      })
      return [...cells, cut(last.cell(row), width - used)].join(space)
    }
  }
}
