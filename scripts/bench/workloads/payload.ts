/** Messages with binary data, made anew for each; with amnesia it is overwritten when the message has been handled. */
import * as Effect from "effect/Effect"
import * as Senders from "../effectSenders.ts"
import { expectEqual, Tally } from "../tally.ts"
import type { PeerName, Row, Workload } from "../workload.ts"

const row = (size: number, amnesia: boolean): Row => ({
  title: `tell, ${size / 1024} KiB of bytes, amnesia ${amnesia ? "on" : "off"}`,
  handler: "Effect.sync",
  size,
  amnesia,
  quick: 500,
  ...(amnesia ? { peers: ["ryker"] satisfies Array<PeerName> } : {})
})

const numbers = "here it carries numbers only"

const workload: Workload = {
  rows: [row(1_024, false), row(1_024, true), row(65_536, false), row(65_536, true)],
  about: ["bounded", "supervised", "ownTurn"],
  absent: { entity: numbers, nact: numbers, xstate: numbers, fastq: numbers, "p-queue": numbers, plain: numbers },
  effect: (peer, { amnesia, size }, count) =>
    Effect.gen(function* () {
      const tally = new Tally(count)
      const handler = (n: number, bytes?: Uint8Array) =>
        Effect.sync(() => {
          if (bytes!.length !== size || bytes![0] !== n % 256) throw new Error(`the bytes of message ${n} are others`)
          return tally.add(n)
        })
      const actor = yield* peer.spawn(handler, { amnesia: amnesia! })
      const send = Senders.tellAll(0, count, (n) => {
        const bytes = new Uint8Array(size!)
        bytes[0] = n
        return peer.tell(actor, n, bytes)
      })
      const measures = yield* Senders.timed(tally, count, send)
      if (amnesia!) expectEqual("bytes overwritten", yield* peer.zeroized!, count * size!)
      return measures
    }),
  plain: () => Promise.reject(new Error(numbers))
}

export default workload
