/** What components ask of the browser. */
import { useEffect, useState } from "preact/hooks"

/** Whether a media query holds, and renders anew when that changes. */
export const useMedia = (query: string): boolean => {
  const [matches, setMatches] = useState(() => matchMedia(query).matches)
  useEffect(() => {
    const media = matchMedia(query)
    const follow = () => setMatches(media.matches)
    follow()
    media.addEventListener("change", follow)
    return () => media.removeEventListener("change", follow)
  }, [query])
  return matches
}

/** The time since something, in milliseconds, rendered anew every so often; what it was at the start when it doesn't run. */
export const useElapsed = (since: number, every: number, runs: boolean): number => {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    if (!runs) return
    setNow(Date.now())
    const timer = setInterval(() => setNow(Date.now()), every)
    return () => clearInterval(timer)
  }, [since, every, runs])
  return runs ? Math.max(0, now - since) : 0
}
