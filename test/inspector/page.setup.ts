/** The page that tests are served is the one of the sources at hand. */
import { bundlePage } from "../../scripts/inspector-page.ts"

export default async (): Promise<void> => {
  await bundlePage()
}
