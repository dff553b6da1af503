/** The supervision tree, as a table whose rows can be folded (WAI-ARIA's treegrid). */
import { useEffect, useMemo, useRef } from "preact/hooks"
import { usePage } from "./context.ts"
import { formatCount, formatCounted } from "./format.ts"
import { Icon, InHand, Marked, Queue, StatusOf } from "./parts.tsx"
import { countTones, type Tone } from "./status.ts"
import { nextSort, restartsOf, type Row, rowsOf, type Sort, type SortKey, treeOf, treeOrder } from "./tree.ts"
import { reveal, VirtualRows } from "./VirtualRows.tsx"

const columns: ReadonlyArray<{ readonly key: SortKey; readonly title: string; readonly class: string }> = [
  { key: "name", title: "Actor", class: "c-name" },
  { key: "status", title: "Status", class: "c-status" },
  { key: "queue", title: "Queue", class: "c-queue" },
  { key: "hand", title: "In hand", class: "c-hand" },
  { key: "restarts", title: "Restarts", class: "c-restarts" }
]

/** What the reader has made of the tree, kept by the page so that it outlives a change of panels. */
export interface TreeView {
  readonly sort: Sort
  readonly only: ReadonlySet<Tone>
  readonly unfolded: ReadonlyMap<string, boolean>
  /** The row that the keys act on. */
  readonly active: string | undefined
}

export const firstTreeView: TreeView = { sort: treeOrder, only: new Set(), unfolded: new Map(), active: undefined }

/** By its place: addresses are anything, and an id is not. */
const rowId = (index: number) => `row-${index}`

export const ActorTree = ({
  change,
  opened,
  view
}: {
  readonly view: TreeView
  readonly change: (view: Partial<TreeView>) => void
  /** The address of the actor whose details are shown. */
  readonly opened: string | undefined
}) => {
  const { query, received, rowHeight, select, state } = usePage()
  const scroller = useRef<HTMLDivElement>(null)
  const roots = useMemo(() => treeOf(state.actors), [state])
  const { found, rows } = useMemo(() => rowsOf(roots, { ...view, query }), [roots, view, query])
  const counts = useMemo(() => countTones(state.actors), [state])
  const activeIndex = rows.findIndex(({ node }) => node.actor.address === view.active)

  const head = () => scroller.current!.querySelector<HTMLElement>(".head")!.offsetHeight
  const moveTo = (index: number) => {
    const row = rows[Math.max(0, Math.min(rows.length - 1, index))]
    if (row === undefined) return
    reveal(scroller.current!, rows.indexOf(row), rowHeight, head())
    change({ active: row.node.actor.address })
    // Details that are open are those of the row that one is at.
    if (opened !== undefined) select(row.node.actor.address)
  }
  const fold = (addresses: ReadonlyArray<string>, isUnfolded: boolean) =>
    change({ unfolded: new Map([...view.unfolded, ...addresses.map((address) => [address, isUnfolded] as const)]) })
  const foldAll = (isUnfolded: boolean) =>
    change({ unfolded: new Map(state.actors.map(({ address }) => [address, isUnfolded])) })

  const press = (event: KeyboardEvent) => {
    if (event.target !== scroller.current || event.ctrlKey || event.metaKey || event.altKey) return
    const row = rows[activeIndex]
    const page = Math.max(1, Math.floor(scroller.current!.clientHeight / rowHeight) - 2)
    const address = row?.node.actor.address
    const keys: Readonly<Record<string, () => void>> = {
      ArrowDown: () => moveTo(activeIndex + 1),
      ArrowUp: () => moveTo(activeIndex - 1),
      PageDown: () => moveTo(activeIndex + page),
      PageUp: () => moveTo(activeIndex - page),
      Home: () => moveTo(0),
      End: () => moveTo(rows.length - 1),
      ArrowRight: () => {
        if (address === undefined) return
        if (row!.isUnfolded === false) fold([address], true)
        else if (row!.isUnfolded === true) moveTo(activeIndex + 1)
      },
      ArrowLeft: () => {
        if (address === undefined) return
        if (row!.isUnfolded === true && query === "" && view.only.size === 0) fold([address], false)
        else if (row!.node.parent !== undefined) moveTo(rows.findIndex(({ node }) => node === row!.node.parent))
      },
      Enter: () => address !== undefined && select(address),
      " ": () => address !== undefined && select(address),
      "*": () => {
        const siblings = row?.node.parent?.children ?? roots
        fold(
          siblings.map(({ actor }) => actor.address),
          true
        )
      },
      e: () => foldAll(true),
      c: () => foldAll(false)
    }
    const act = keys[event.key]
    if (act === undefined) return
    event.preventDefault()
    event.stopPropagation()
    act()
  }

  // Another order, or another search: what is found first is at the top.
  useEffect(() => {
    if (scroller.current !== null) scroller.current.scrollTop = 0
  }, [view.sort, view.only, query])

  const toggle = (tone: Tone) => {
    const only = new Set(view.only)
    if (!only.delete(tone)) only.add(tone)
    change({ only })
  }

  return (
    <section class="tree" aria-label="Actors">
      <div class="tools">
        <span class="filters" role="group" aria-label="Show only">
          {counts
            .filter(([status, count]) => count > 0 || view.only.has(status))
            .map(([status, count]) => (
              <button
                key={status}
                type="button"
                class={`chip tone-${status}`}
                aria-pressed={view.only.has(status)}
                onClick={() => toggle(status)}
              >
                <Icon shape={status} />
                <span class="number">{formatCount(count)}</span> {status}
              </button>
            ))}
        </span>
        <span class="folds">
          <select
            class="sort"
            aria-label="Sort by"
            value={view.sort.key}
            onChange={(event) => {
              const key = event.currentTarget.value as SortKey
              change({ sort: key === "tree" ? treeOrder : { key, isDescending: key !== "name" } })
            }}
          >
            <option value="tree">Order of start</option>
            {columns.map(({ key, title }) => (
              <option key={key} value={key}>
                {title}
              </option>
            ))}
          </select>
          <button
            type="button"
            class="quiet"
            title="Unfold all (e)"
            aria-label="Unfold all"
            onClick={() => foldAll(true)}
          >
            <Icon shape="unfoldAll" />
          </button>
          <button type="button" class="quiet" title="Fold all (c)" aria-label="Fold all" onClick={() => foldAll(false)}>
            <Icon shape="foldAll" />
          </button>
        </span>
      </div>
      <div
        ref={scroller}
        class="scroll"
        id="tree"
        role="treegrid"
        aria-label="Supervision tree"
        aria-rowcount={rows.length + 1}
        aria-activedescendant={activeIndex >= 0 ? rowId(activeIndex) : undefined}
        tabIndex={0}
        onKeyDown={press}
        onFocus={() => activeIndex < 0 && rows.length > 0 && change({ active: rows[0]!.node.actor.address })}
      >
        <div class="head" role="rowgroup">
          <div class="row" role="row" aria-rowindex={1}>
            {columns.map(({ class: name, key, title }) => (
              <span
                key={key}
                role="columnheader"
                class={name}
                aria-sort={view.sort.key !== key ? "none" : view.sort.isDescending ? "descending" : "ascending"}
              >
                <button type="button" onClick={() => change({ sort: nextSort(view.sort, key) })}>
                  {title}
                  <span class="arrow" aria-hidden="true">
                    {view.sort.key !== key ? "" : view.sort.isDescending ? "↓" : "↑"}
                  </span>
                </button>
              </span>
            ))}
          </div>
        </div>
        <VirtualRows count={rows.length} rowHeight={rowHeight} scroller={scroller}>
          {(index) => (
            <TreeRow
              key={rows[index]!.node.actor.address}
              row={rows[index]!}
              index={index}
              isActive={index === activeIndex}
              isOpened={rows[index]!.node.actor.address === opened}
              received={received}
              fold={fold}
              choose={(address) => {
                change({ active: address })
                select(address)
              }}
            />
          )}
        </VirtualRows>
        {rows.length === 0 && (
          <p class="empty">{state.actors.length === 0 ? "No actors yet." : "No actor is found."}</p>
        )}
      </div>
      <p class="foot" role="status">
        {found < state.actors.length
          ? `${formatCount(found)} of ${formatCounted(state.actors.length, "actor")} found`
          : formatCounted(state.actors.length, "actor")}
        {state.omitted > 0 && `, and ${formatCount(state.omitted)} more that the host leaves out`}
      </p>
    </section>
  )
}

const TreeRow = ({
  choose,
  fold,
  index,
  isActive,
  isOpened,
  received,
  row
}: {
  readonly row: Row
  readonly index: number
  readonly isActive: boolean
  readonly isOpened: boolean
  readonly received: number
  readonly fold: (addresses: ReadonlyArray<string>, isUnfolded: boolean) => void
  readonly choose: (address: string) => void
}) => {
  const { isLive, query } = usePage()
  const { isMatch, isUnfolded, level, node, position, siblings } = row
  const { actor } = node
  const restarts = restartsOf(actor)
  return (
    // The keys are those of the table.
    <div
      id={rowId(index)}
      class={`row${isActive ? " active" : ""}${isOpened ? " opened" : ""}${isMatch ? "" : " way"}`}
      role="row"
      aria-rowindex={index + 2}
      aria-level={level}
      aria-posinset={position}
      aria-setsize={siblings}
      aria-expanded={isUnfolded}
      aria-selected={isOpened}
      onClick={() => choose(actor.address)}
    >
      <span class="c-name" role="gridcell" title={actor.address} style={{ "--level": Math.min(level, 12) - 1 }}>
        {isUnfolded === undefined ? (
          <span class="fold" />
        ) : (
          <button
            type="button"
            class="fold"
            tabIndex={-1}
            aria-label={isUnfolded ? "Fold" : "Unfold"}
            onClick={(event) => {
              event.stopPropagation()
              fold([actor.address], !isUnfolded)
            }}
          >
            <Icon shape={isUnfolded ? "unfolded" : "folded"} />
          </button>
        )}
        <span class="label">
          <Marked text={node.label} query={query} />
        </span>
        <About row={row} />
      </span>
      <span class="c-status" role="gridcell">
        <StatusOf actor={actor} isLive={isLive} received={received} />
      </span>
      <span class="c-queue" role="gridcell">
        <Queue depth={actor.depth} capacity={actor.capacity} />
      </span>
      <span class="c-hand" role="gridcell">
        <InHand actor={actor} />
      </span>
      <span class="c-restarts number" role="gridcell">
        {restarts > 0 ? formatCount(restarts) : ""}
      </span>
    </div>
  )
}

/** What it is if it is no plain actor, and what there is below it while that is folded away. */
const About = ({ row: { isUnfolded, node } }: { readonly row: Row }) => {
  const { actor, below, notable } = node
  const kind = actor.kind === "supervisor" ? (actor.strategy ?? "supervisor") : actor.kind
  return (
    <span class="about">
      {isUnfolded === false &&
        notable.map(([status, count]) => (
          <span key={status} class={`tone-${status}`} title={`${formatCount(count)} ${status}`}>
            <Icon shape={status} />
            <span class="number">{formatCount(count)}</span>
            <span class="sr"> {status}</span>
          </span>
        ))}
      {actor.isolated === true && <span class="tone-failed">isolated</span>}
      {isUnfolded === false && <span class="number">{formatCount(below)} below</span>}
      {actor.kind !== "actor" && <span>{kind}</span>}
    </span>
  )
}
