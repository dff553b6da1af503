/** The scale curve as a picture: nanoseconds for each, against how many there are, both on logarithmic axes. */

export interface Series {
  readonly name: string
  readonly points: ReadonlyArray<readonly [size: number, nanos: number]>
}

export interface Panel {
  readonly title: string
  readonly series: ReadonlyArray<Series>
}

const width = 440
const height = 300
const margin = { left: 62, right: 32, top: 34, bottom: 66 }
const colours = ["#0969da", "#cf222e", "#1a7f37", "#8250df"]

const text = (x: number, y: number, content: string, anchor = "middle", fill = "#1f2328"): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="${fill}">${content}</text>`

const line = (x1: number, y1: number, x2: number, y2: number, stroke: string): string =>
  `<path d="M${x1.toFixed(1)} ${y1.toFixed(1)}L${x2.toFixed(1)} ${y2.toFixed(1)}" stroke="${stroke}"/>`

/** Powers of ten from the last at or below the least to the first at or above the most. */
const decades = (values: ReadonlyArray<number>): ReadonlyArray<number> => {
  const from = Math.floor(Math.log10(Math.min(...values)))
  const to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(...values))))
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
}

const units = [
  { from: 1e9, name: "s" },
  { from: 1e6, name: "ms" },
  { from: 1e3, name: "us" },
  { from: 1, name: "ns" }
]

const duration = (nanos: number): string => {
  const unit = units.find(({ from }) => nanos >= from) ?? units.at(-1)!
  return `${nanos / unit.from} ${unit.name}`
}

const panel = ({ series, title }: Panel, offset: number): string => {
  const points = series.flatMap((one) => one.points)
  const xs = decades(points.map(([size]) => size))
  const ys = decades(points.map(([, nanos]) => nanos))
  const [left, right] = [offset + margin.left, offset + width - margin.right]
  const [top, bottom] = [margin.top, height - margin.bottom]
  const x = (exponent: number) => left + ((exponent - xs[0]!) / (xs.at(-1)! - xs[0]!)) * (right - left)
  const y = (exponent: number) => bottom - ((exponent - ys[0]!) / (ys.at(-1)! - ys[0]!)) * (bottom - top)
  return [
    text((left + right) / 2, 20, title),
    ...xs.map((exponent) => line(x(exponent), top, x(exponent), bottom, "#d1d9e0")),
    ...xs.map((exponent) => text(x(exponent), bottom + 16, (10 ** exponent).toLocaleString("en"))),
    ...ys.map((exponent) => line(left, y(exponent), right, y(exponent), "#d1d9e0")),
    ...ys.map((exponent) => text(left - 6, y(exponent) + 4, duration(10 ** exponent), "end")),
    ...series.flatMap((one, index) => {
      const colour = colours[index]!
      const path = one.points
        .map(([size, nanos]) => `${x(Math.log10(size)).toFixed(1)} ${y(Math.log10(nanos)).toFixed(1)}`)
        .join("L")
      const at = left + (index * (right - left)) / series.length
      return [
        `<path d="M${path}" stroke="${colour}" stroke-width="2"/>`,
        line(at, bottom + 44, at + 18, bottom + 44, colour),
        text(at + 24, bottom + 48, one.name, "start", colour)
      ]
    })
  ].join("\n")
}

export const plot = (panels: ReadonlyArray<Panel>): string => {
  const size = `${width * panels.length} ${height}`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size}" font-family="sans-serif" font-size="11" fill="none">`,
    // Pages may be dark.
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    ...panels.map((one, index) => panel(one, index * width)),
    "</svg>\n"
  ].join("\n")
}
