/** What the browser remembers of the reader's choices. */

export type Theme = "auto" | "light" | "dark"

const themes: ReadonlyArray<Theme> = ["auto", "light", "dark"]

const read = (name: string): string | null => {
  // A browser may refuse to keep anything.
  try {
    return localStorage.getItem(`ryker.${name}`)
  } catch {
    return null
  }
}

const write = (name: string, value: string): void => {
  try {
    localStorage.setItem(`ryker.${name}`, value)
  } catch {
    // Then it holds until the page is closed.
  }
}

export const readTheme = (): Theme => themes.find((theme) => theme === read("theme")) ?? "auto"

export const nextTheme = (theme: Theme): Theme => themes[(themes.indexOf(theme) + 1) % themes.length]!

/** Shows it, and remembers it. */
export const applyTheme = (theme: Theme): void => {
  document.documentElement.dataset["theme"] = theme
  write("theme", theme)
}

/** Whether single keys do something wherever the focus is. */
export const readShortcuts = (): boolean => read("shortcuts") !== "off"

export const writeShortcuts = (isOn: boolean): void => write("shortcuts", isOn ? "on" : "off")
