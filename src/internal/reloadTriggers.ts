/** What makes a running program read its settings anew: a signal, and a file that changes. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { stateOf } from "./configFile.ts"

/** What there is of `process`, outside of Node nothing. */
interface SignalSource {
  readonly on: (signal: string, listener: () => void) => unknown
  readonly off: (signal: string, listener: () => void) => unknown
}

const signalSource = (): SignalSource | undefined => {
  const { process } = globalThis as { readonly process?: Partial<SignalSource> }
  return process?.on === undefined || process.off === undefined ? undefined : (process as SignalSource)
}

/** Each arrival of the signal. Several that come before the last was served are one. */
export const signals = (signal: string): Stream.Stream<void> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const arrived = yield* Queue.sliding<void>(1)
      const source = signalSource()
      if (source !== undefined) {
        const listener = () => void Queue.offerUnsafe(arrived, undefined)
        yield* Effect.acquireRelease(
          Effect.sync(() => source.on(signal, listener)),
          () => Effect.sync(() => source.off(signal, listener))
        )
      }
      return Stream.fromQueue(arrived)
    })
  )

/** Where the name of a file begins. */
const startOfName = (path: string): number => Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1

const nameOf = (path: string): string => path.slice(startOfName(path))

const folderOf = (path: string): string => {
  const start = startOfName(path)
  return start === 0 ? "." : path.slice(0, Math.max(1, start - 1))
}

/** Which state the file is in. */
const look = (fs: FileSystem.FileSystem, path: string): Effect.Effect<string> =>
  fs.stat(path).pipe(
    Effect.map(stateOf),
    Effect.catchCause((cause) => (Cause.hasInterruptsOnly(cause) ? Effect.failCause(cause) : Effect.succeed("none")))
  ) as Effect.Effect<string> // What is left of the cause is an interruption, which is no failure.

/** Reads the file that was found so; `isStill` says whether it has stayed so meanwhile. Gives false if it has not. */
export type ReadFile = (isStill: Effect.Effect<boolean>) => Effect.Effect<boolean>

/** A file that is read when it rests: one that is being written may be well-formed and still lack its end. */
export interface RestingFile {
  readonly fs: FileSystem.FileSystem
  readonly path: string
  /** It rests when it has been left alone for twice this. */
  readonly pause: Duration.Duration
  readonly read: ReadFile
}

/** Reads the file once, as soon as it rests. */
export const readAtRest = ({ fs, path, pause, read }: RestingFile): Effect.Effect<void> =>
  Effect.gen(function* () {
    let last = yield* look(fs, path)
    let isRead = false
    while (!isRead) {
      yield* Effect.sleep(Duration.times(pause, 2))
      const now = yield* look(fs, path)
      if (now === last) isRead = yield* read(Effect.map(look(fs, path), (then) => then === now))
      last = now
    }
  })

/**
 * Reads the file each time that it has changed and then rests. `onFailure` is run when the folder cannot be
 * watched; it is tried again after a second. Never ends by itself.
 */
export const follow = ({ fs, path, pause, read }: RestingFile, onFailure: Effect.Effect<void>): Effect.Effect<never> =>
  Effect.gen(function* () {
    const stirred = yield* Queue.sliding<void>(1)
    /** How often it was said to have changed: where time is coarse, a file that was written anew may look as before. */
    let told = 0
    // The folder, not the file: editors and ConfigMaps replace a file by a rename, after which a watch of the
    // file itself would look at what is gone, or at a link that has not changed.
    const events = Stream.runForEach(fs.watch(folderOf(path)), (event) => {
      if (nameOf(event.path) === nameOf(path)) told++
      return Queue.offer(stirred, undefined)
    })
    // At the beginning, too: much may have happened while nobody watched.
    const watch = Queue.offer(stirred, undefined).pipe(
      Effect.andThen(events),
      Effect.catchCause((cause) => (Cause.hasInterruptsOnly(cause) ? Effect.failCause(cause) : onFailure)),
      Effect.andThen(Effect.sleep("1 second")),
      Effect.forever
    )
    const state = Effect.map(look(fs, path), (seen) => `${told} ${seen}`)
    return yield* Effect.raceFirst(watch, readSettled(state, yield* state, stirred, pause, read))
  }) as Effect.Effect<never> // Neither side fails: what goes wrong is caught, and an interruption is none.

/** How long a file rests is not a time of the day, which may be put back. */
const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

const readSettled = (
  look: Effect.Effect<string>,
  atFirst: string,
  stirred: Queue.Queue<void>,
  pause: Duration.Duration,
  read: ReadFile
): Effect.Effect<never> =>
  Effect.gen(function* () {
    const settled = 2 * Duration.toMillis(pause)
    let last = atFirst
    while (true) {
      yield* Queue.take(stirred)
      let now = yield* look
      let since = yield* monotonicMillis
      while (now !== last) {
        const left = since + settled - (yield* monotonicMillis)
        if (left > 0) {
          yield* Effect.raceFirst(Queue.take(stirred), Effect.sleep(Duration.min(pause, Duration.millis(left))))
        } else {
          last = now
          yield* read(Effect.map(look, (then) => then === last))
        }
        const next = yield* look
        if (next === now) continue
        now = next
        since = yield* monotonicMillis
      }
    }
  })
