/** What makes a running program read its settings anew: a signal, and a file that changes. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

/** What triggers a reload, and says where it came from. */
export type Trigger = "signal" | "file"

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
export const signals = (signal: string): Stream.Stream<Trigger> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const arrived = yield* Queue.sliding<Trigger>(1)
      const source = signalSource()
      if (source !== undefined) {
        const listener = () => void Queue.offerUnsafe(arrived, "signal")
        yield* Effect.acquireRelease(
          Effect.sync(() => source.on(signal, listener)),
          () => Effect.sync(() => source.off(signal, listener))
        )
      }
      return Stream.fromQueue(arrived)
    })
  )

/**
 * Each time that something has happened in the file's folder and then nothing for `debounce`.
 *
 * The folder is watched, not the file: editors and ConfigMaps replace a file by a rename, after which a
 * watch of the file itself would look at what is gone, or at a link that has not changed.
 */
export const changesOf = (path: string, debounce: Duration.Input): Stream.Stream<Trigger, unknown> =>
  Stream.unwrap(
    Effect.map(Effect.serviceOption(FileSystem.FileSystem), (fs) =>
      Option.isNone(fs)
        ? Stream.empty
        : fs.value.watch(folderOf(path)).pipe(
            Stream.debounce(debounce),
            Stream.map((): Trigger => "file")
          )
    )
  )

const folderOf = (path: string): string => {
  const end = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"))
  return end < 0 ? "." : path.slice(0, Math.max(1, end))
}

/**
 * Whether the file has stayed the same for `pause`: one that is being written may be well-formed and
 * still lack its end.
 */
export const isSettled = (path: string, pause: Duration.Input): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    const fs = yield* Effect.serviceOption(FileSystem.FileSystem)
    if (Option.isNone(fs)) return true
    const look = Effect.map(fs.value.stat(path), ({ ino, mtime, size }) =>
      [size, Option.getOrUndefined(ino), Option.getOrUndefined(mtime)?.getTime()].join(" ")
    ).pipe(Effect.orElseSucceed(() => "gone"))
    const before = yield* look
    yield* Effect.sleep(pause)
    return (yield* look) === before
  })
