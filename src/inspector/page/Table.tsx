/** A table of any length. */
import type { ComponentChildren } from "preact"
import { useRef } from "preact/hooks"
import { VirtualRows } from "./VirtualRows.tsx"

export interface Column<A> {
  readonly title: string
  readonly class: string
  readonly cell: (item: A) => ComponentChildren
}

export const Table = <A,>({
  class: name,
  columns,
  empty,
  items,
  keyOf,
  label,
  onChoose,
  rowClass,
  rowHeight
}: {
  readonly class: string
  readonly label: string
  readonly columns: ReadonlyArray<Column<A>>
  readonly items: ReadonlyArray<A>
  readonly keyOf: (item: A, index: number) => string | number
  readonly rowHeight: number
  readonly rowClass?: (item: A) => string
  readonly onChoose?: (item: A) => void
  /** What to say when there are no items. */
  readonly empty: string
}) => {
  const scroller = useRef<HTMLDivElement>(null)
  return (
    <div
      ref={scroller}
      class={`scroll table ${name}`}
      role="table"
      aria-label={label}
      aria-rowcount={items.length + 1}
      tabIndex={0}
    >
      <div class="head" role="rowgroup">
        <div class="row" role="row" aria-rowindex={1}>
          {columns.map((column) => (
            <span key={column.title} role="columnheader" class={column.class}>
              {column.title}
            </span>
          ))}
        </div>
      </div>
      <VirtualRows count={items.length} rowHeight={rowHeight} scroller={scroller}>
        {(index) => {
          const item = items[index]!
          return (
            <div
              key={keyOf(item, index)}
              class={`row ${rowClass?.(item) ?? ""}`}
              role="row"
              aria-rowindex={index + 2}
              onClick={onChoose && (() => onChoose(item))}
            >
              {columns.map((column) => (
                <span key={column.title} role="cell" class={column.class}>
                  {column.cell(item)}
                </span>
              ))}
            </div>
          )
        }}
      </VirtualRows>
      {items.length === 0 && <p class="empty">{empty}</p>}
    </div>
  )
}
