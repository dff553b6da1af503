/**
 * What Effect's command-line module asks of a platform, over Node alone.
 *
 * `@effect/platform-node` has all of it, and brings 13 packages and 24 MB, a Redis client among them. The command reads
 * files, its arguments and keys, and writes: that is little enough to have here, and `ryker` runs with `effect` alone.
 */
// oxlint-disable-next-line no-restricted-imports -- the command is for Node
import { readFileSync } from "node:fs"
// oxlint-disable-next-line no-restricted-imports -- the command is for Node
import * as Fs from "node:fs/promises"
// oxlint-disable-next-line no-restricted-imports -- the command is for Node
import { isatty } from "node:tty"
import type { Environment } from "effect/cli/Command"
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as PlatformError from "effect/PlatformError"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as Sink from "effect/Sink"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Terminal from "effect/Terminal"
import { giveBack, terminal } from "./nodeTerminal.ts"

export { giveBack }

/** What follows the name of the command. */
export const args: ReadonlyArray<string> = process.argv.slice(2)

/** The package's version; from `src/cli` and from `dist/cli` the way is the same. */
export const version: string = // npm publishes no package without a version.
  (JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string }).version

const reasons: Readonly<Record<string, PlatformError.SystemErrorTag>> = {
  EACCES: "PermissionDenied",
  EISDIR: "BadResource",
  ELOOP: "BadResource",
  ENOENT: "NotFound",
  ENOTDIR: "BadResource",
  EPERM: "PermissionDenied"
}

const attempt = <A>(
  method: string,
  path: string,
  run: () => Promise<A>
): Effect.Effect<A, PlatformError.PlatformError> =>
  Effect.tryPromise({
    try: run,
    catch: (cause) => {
      // What Node's file functions reject with.
      const { code = "" } = cause as NodeJS.ErrnoException
      const _tag = reasons[code] ?? "Unknown"
      return PlatformError.systemError({ _tag, module: "FileSystem", method, pathOrDescriptor: path, cause })
    }
  })

type Stats = Awaited<ReturnType<typeof Fs.stat>>

const typeOf = (stats: Stats): FileSystem.File.Type => {
  if (stats.isFile()) return "File"
  if (stats.isDirectory()) return "Directory"
  if (stats.isFIFO()) return "FIFO"
  if (stats.isSocket()) return "Socket"
  if (stats.isCharacterDevice()) return "CharacterDevice"
  return stats.isBlockDevice() ? "BlockDevice" : "Unknown"
}

const infoOf = (stats: Stats): FileSystem.File.Info => ({
  type: typeOf(stats),
  size: ByteSize.bytes(stats.size),
  mode: Number(stats.mode),
  dev: BigInt(stats.dev),
  mtime: Option.some(stats.mtime),
  atime: Option.none(),
  birthtime: Option.none(),
  ino: Option.none(),
  nlink: Option.none(),
  uid: Option.none(),
  gid: Option.none(),
  rdev: Option.none(),
  blksize: Option.none(),
  blocks: Option.none()
})

const fileSystem = FileSystem.layerNoop({
  stat: (path) =>
    Effect.map(
      attempt("stat", path, () => Fs.stat(path)),
      infoOf
    ),
  readFile: (path) => attempt("readFile", path, () => Fs.readFile(path))
})

/** A path stays as it was given, so that messages repeat what the user wrote. */
const path = Layer.effect(
  Path.Path,
  Effect.map(Path.Path, (posix) => ({ ...posix, isAbsolute: () => true }))
).pipe(Layer.provide(Path.layer))

const stdio = Layer.succeed(
  Stdio.Stdio,
  Stdio.make({
    args: Effect.succeed(args),
    stdinIsTerminal: Effect.sync(() => isatty(0)),
    stdoutIsTerminal: Effect.sync(() => isatty(1)),
    stderrIsTerminal: Effect.sync(() => isatty(2)),
    // All output goes by the console and the terminal, which reads keys, too.
    stdout: () => Sink.drain,
    stderr: () => Sink.drain,
    stdin: Stream.empty
  })
)

const spawner = Layer.succeed(
  ChildProcessSpawner.ChildProcessSpawner,
  ChildProcessSpawner.make(() => Effect.die("the ryker command runs no other"))
)

/** All that the command needs. */
export const layer: Layer.Layer<Environment> = Layer.mergeAll(
  fileSystem,
  path,
  stdio,
  Layer.succeed(Terminal.Terminal, terminal),
  spawner
)
