/** What is asked before something is done, and what the keys do. */
import type { ComponentChildren } from "preact"
import { useEffect, useRef } from "preact/hooks"
import { type Action, consequences, type Subject } from "./control.ts"

/** A dialog that is open for as long as it is there. The browser keeps the focus in it, and gives it back. */
const Dialog = ({
  children,
  close,
  label
}: {
  readonly label: string
  readonly close: () => void
  readonly children: ComponentChildren
}) => {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const element = dialog.current!
    if (!element.open) element.showModal()
    // An element that is taken out of the document does not give the focus back.
    return () => element.close()
  }, [])
  return (
    <dialog
      ref={dialog}
      aria-label={label}
      onCancel={(event) => {
        event.preventDefault()
        close()
      }}
      // A click beside it.
      onClick={(event) => event.target === dialog.current && close()}
    >
      <div class="dialog">{children}</div>
    </dialog>
  )
}

export interface Intent extends Subject {
  readonly action: Action
}

const title = ({ action, actor }: Intent) => `${action[0]!.toUpperCase()}${action.slice(1)} ${actor.address}?`

export const ConfirmDialog = ({
  close,
  confirm,
  intent
}: {
  readonly intent: Intent
  readonly close: () => void
  readonly confirm: () => void
}) => (
  <Dialog label={title(intent)} close={close}>
    <h2>{title(intent)}</h2>
    <ul>
      {consequences(intent.action, intent).map((sentence) => (
        <li key={sentence}>{sentence}</li>
      ))}
    </ul>
    <div class="choices">
      {/* First, and with the focus: Enter alone does nothing. */}
      <button type="button" onClick={close}>
        Cancel
      </button>
      <button
        type="button"
        class={intent.action === "resume" || intent.action === "suspend" ? "primary" : "danger"}
        onClick={confirm}
      >
        {intent.action[0]!.toUpperCase() + intent.action.slice(1)}
      </button>
    </div>
  </Dialog>
)

const keys: ReadonlyArray<readonly [keys: ReadonlyArray<string>, what: string]> = [
  [["/"], "search; Escape clears it, and then leaves it"],
  [["1", "…", "6"], "go to the tree, definitions, waits, dead letters, events, settings"],
  [["p"], "hold the page still, and let it go on"],
  [["t"], "light, dark, or as the system has it"],
  [["Escape"], "close the details"],
  [["?"], "this list"]
]

const treeKeys: typeof keys = [
  [["↑", "↓"], "the row above, below"],
  [["PageUp", "PageDown"], "a page up, down"],
  [["Home", "End"], "the first row, the last"],
  [["→"], "unfold; when unfolded, to the first below"],
  [["←"], "fold; when folded, to the one above"],
  [["*"], "unfold all beside it"],
  [["e", "c"], "unfold all, fold all"],
  [["Enter"], "show details: Tab leads to what can be done"]
]

export const HelpDialog = ({
  close,
  hasShortcuts,
  setShortcuts
}: {
  readonly close: () => void
  readonly hasShortcuts: boolean
  readonly setShortcuts: (isOn: boolean) => void
}) => (
  <Dialog label="Keys" close={close}>
    <h2>Keys</h2>
    <Keys list={keys} />
    <h3>In the tree</h3>
    <Keys list={treeKeys} />
    <p>
      <label>
        <input type="checkbox" checked={hasShortcuts} onChange={(event) => setShortcuts(event.currentTarget.checked)} />{" "}
        Single keys act outside of the tree, too
      </label>
    </p>
    <div class="choices">
      <button type="button" onClick={close}>
        Close
      </button>
    </div>
  </Dialog>
)

const Keys = ({ list }: { readonly list: typeof keys }) => (
  <dl class="keys">
    {list.map(([names, what]) => (
      <div key={what}>
        <dt>{names.map((name) => (name === "…" ? " … " : <kbd key={name}>{name}</kbd>))}</dt>
        <dd>{what}</dd>
      </div>
    ))}
  </dl>
)
