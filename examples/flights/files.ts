/**
 * What the demo reads of a file system. A service takes `NodeFileSystem.layer` of `@effect/platform-node`, a package
 * that this demo can do without.
 */
import { ByteSize, Effect, FileSystem, Option, PlatformError } from "effect"
import { readFile, stat } from "node:fs/promises"

const attempt = <A>(method: string, path: string, run: () => Promise<A>) =>
  Effect.tryPromise({
    try: run,
    catch: (cause) =>
      PlatformError.systemError({ _tag: "NotFound", module: "FileSystem", method, pathOrDescriptor: path, cause })
  })

export const FilesLayer = FileSystem.layerNoop({
  readFile: (path) => attempt("readFile", path, () => readFile(path)),
  stat: (path) =>
    Effect.map(
      attempt("stat", path, () => stat(path, { bigint: true })),
      (info): FileSystem.File.Info => ({
        type: info.isFile() ? "File" : info.isDirectory() ? "Directory" : "Unknown",
        size: ByteSize.fromInputUnsafe(info.size),
        mtime: Option.some(info.mtime),
        atime: Option.some(info.atime),
        birthtime: Option.some(info.birthtime),
        dev: info.dev,
        ino: Option.some(info.ino),
        mode: Number(info.mode),
        nlink: Option.some(info.nlink),
        uid: Option.some(Number(info.uid)),
        gid: Option.some(Number(info.gid)),
        rdev: Option.some(info.rdev),
        blksize: Option.none(),
        blocks: Option.some(info.blocks)
      })
    )
})
