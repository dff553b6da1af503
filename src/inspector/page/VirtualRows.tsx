/** A list that has only those rows in the document which can be seen. */
import type { ComponentChildren, RefObject } from "preact"
import { useLayoutEffect, useState } from "preact/hooks"

/** Rows above and below that are there before they are scrolled to. */
const spare = 8

/** What of a list can be seen. */
interface Sight {
  readonly top: number
  readonly height: number
}

/** The rows' height is the same for all, so that which can be seen is a division. */
export const VirtualRows = ({
  children,
  count,
  rowHeight,
  scroller
}: {
  readonly count: number
  readonly rowHeight: number
  /** What scrolls. What stands above the rows in it must be sticky. */
  readonly scroller: RefObject<HTMLElement | null>
  readonly children: (index: number) => ComponentChildren
}) => {
  const [sight, setSight] = useState<Sight>({ top: 0, height: 0 })
  useLayoutEffect(() => {
    const element = scroller.current!
    const look = () => {
      // Less than a row further is the same rows.
      const top = Math.floor(element.scrollTop / rowHeight) * rowHeight
      const height = element.clientHeight
      setSight((old) => (old.top === top && old.height === height ? old : { top, height }))
    }
    const resizes = new ResizeObserver(look)
    resizes.observe(element)
    element.addEventListener("scroll", look, { passive: true })
    look()
    return () => {
      resizes.disconnect()
      element.removeEventListener("scroll", look)
    }
  }, [rowHeight, scroller])
  const last = Math.min(count, Math.ceil((sight.top + sight.height) / rowHeight) + spare)
  // A list that has become shorter is scrolled back by the browser, but only once this is rendered.
  const first = Math.max(0, Math.min(Math.floor(sight.top / rowHeight) - spare, last - 1))
  const indices = Array.from({ length: Math.max(0, last - first) }, (_, offset) => first + offset)
  return (
    <div class="rows" role="rowgroup" style={{ height: `${count * rowHeight}px`, "--row": `${rowHeight}px` }}>
      <div class="window" role="presentation" style={{ transform: `translateY(${first * rowHeight}px)` }}>
        {indices.map(children)}
      </div>
    </div>
  )
}

/** Scrolls so far that a row can be seen, and no further. */
export const reveal = (element: HTMLElement, index: number, rowHeight: number, headHeight: number): void => {
  const top = index * rowHeight
  const sight = element.clientHeight - headHeight
  if (top < element.scrollTop) element.scrollTop = top
  else if (top + rowHeight > element.scrollTop + sight) element.scrollTop = top + rowHeight - sight
}
