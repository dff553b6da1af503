/** What the one search field of the page finds. */

/** Whether a text has all of the words that were searched for, in any case and order. */
export type Search = (text: string) => boolean

/** Finds everything when nothing is searched for. */
export const searchFor = (query: string): Search => {
  const words = wordsOf(query)
  return (text) => {
    const lower = text.toLowerCase()
    return words.every((word) => lower.includes(word))
  }
}

export const wordsOf = (query: string): ReadonlyArray<string> =>
  query
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "")

/** The text in pieces, every other one a word that was searched for. The first is none, and may be empty. */
export const piecesOf = (text: string, query: string): ReadonlyArray<string> => {
  const words = wordsOf(query)
  const lower = text.toLowerCase()
  // Some letters change their length with their case, and then places in one text are none in the other.
  if (words.length === 0 || lower.length !== text.length) return [text]
  const pieces: Array<string> = []
  let from = 0
  for (;;) {
    let at = -1
    let length = 0
    for (const word of words) {
      const found = lower.indexOf(word, from)
      if (found >= 0 && (at < 0 || found < at || (found === at && word.length > length))) {
        at = found
        length = word.length
      }
    }
    if (at < 0) return [...pieces, text.slice(from)]
    pieces.push(text.slice(from, at), text.slice(at, at + length))
    from = at + length
  }
}
