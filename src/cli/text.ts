/** Text that anybody may have written, made fit for a terminal, and put in columns. */

/**
 * What a terminal would obey rather than show, or would show as something else: control characters, C1 among them;
 * marks that turn the direction of writing or are not seen; separators of lines; halves of characters.
 */
const obeyed = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

const codeOf = (character: string): string => character.codePointAt(0)!.toString(16)

/** Such characters written out, as `\x1b` or `\u{202e}`. */
export const escape = (text: string): string =>
  text.replaceAll(obeyed, (character) => {
    const code = codeOf(character)
    return code.length > 2 ? `\\u{${code}}` : `\\x${code.padStart(2, "0")}`
  })

/** The same in JSON, which means the same as before to whoever parses it. */
export const escapeJson = (json: string): string =>
  json.replaceAll(obeyed, (character) =>
    Array.from(
      { length: character.length },
      (_, n) => `\\u${character.charCodeAt(n).toString(16).padStart(4, "0")}`
    ).join("")
  )

/** Takes no room of its own. */
const joined = /^[\p{Mn}\p{Me}\uFE00-\uFE0F]$/u

/** Takes two columns: the East Asian wide and full-width blocks, and emoji. */
const wide =
  /^[\p{Emoji_Presentation}\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uA960-\uA97F\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{1F300}-\u{1FAFF}\u{20000}-\u{3FFFD}]$/u

const widthOfOne = (character: string): number => (joined.test(character) ? 0 : wide.test(character) ? 2 : 1)

const printable = /^[\x20-\x7E]*$/

/** How many columns of a terminal it takes. A terminal may see a rare character otherwise; nothing depends on it but alignment. */
export const widthOf = (text: string): number => {
  if (printable.test(text)) return text.length
  let width = 0
  for (const character of text) width += widthOfOne(character)
  return width
}

/** How many marks one character may carry; a name may have thousands of them, and they take no room. */
const mostMarks = 4

/** As much of it as has room; `~` at the end says that there was more. */
export const cut = (text: string, width: number): string => {
  let [kept, short, used, marks] = ["", "", 0, 0]
  for (const character of text) {
    const next = widthOfOne(character)
    marks = next === 0 ? marks + 1 : 0
    if (marks > mostMarks) continue
    used += next
    if (used > width) return width < 1 ? "" : `${short}~`
    kept += character
    if (used < width) short = kept
  }
  return kept
}

/** Exactly so many columns. */
export const fit = (text: string, width: number, align: "left" | "right" = "left"): string => {
  const short = cut(text, width)
  const space = " ".repeat(Math.max(0, width - widthOf(short)))
  return align === "left" ? short + space : space + short
}
