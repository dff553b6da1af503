/** What makes a running program read its settings anew: signals, and a file that changes in all the ways in which files do. */
import { assert, describe, it } from "@effect/vitest"
import * as ByteSize from "effect/ByteSize"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as ConfigProvider from "effect/ConfigProvider"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as PlatformError from "effect/PlatformError"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import * as nodeFs from "node:fs"
import * as promises from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Ryker from "../src/Ryker.ts"
import * as RykerConfig from "../src/RykerConfig.ts"
import type * as RykerEvent from "../src/RykerEvent.ts"
import { ask, background, settled, spawnWorker } from "./Actor.fixtures.ts"
import { assertBalanced } from "./fixtures.ts"
import { type Line, loggerInto } from "./RykerEvent.fixtures.ts"

// --- A disk in memory ---------------------------------------------------------------------------------------------------

const failure = (_tag: PlatformError.SystemErrorTag, method: string, path: string) =>
  PlatformError.systemError({ _tag, module: "FileSystem", method, pathOrDescriptor: path })

const folderOf = (path: string) => path.slice(0, Math.max(1, path.lastIndexOf("/")))

interface Stored {
  bytes: Uint8Array
  mtime: number
  readonly ino: number
}

/** Files and links by their absolute paths, and who watches which folder. What happens to a file is an event of its folder. */
class Disk {
  /** How often a file was read as a whole. */
  reads = 0
  /** The folders that a watch was begun on. */
  readonly watched: Array<string> = []
  /** Runs within the next `readFile`, after the bytes were read. */
  whileReading: Effect.Effect<unknown> = Effect.void
  /** What the next `stat`s do instead, if anything. */
  statInstead: Effect.Effect<never, PlatformError.PlatformError> | undefined = undefined
  /** What the next watches do instead, if anything. */
  watchInstead: Stream.Stream<never, PlatformError.PlatformError> | undefined = undefined
  private readonly files = new Map<string, Stored>()
  private readonly links = new Map<string, string>()
  private readonly watches = new Map<Queue.Queue<FileSystem.WatchEvent, PlatformError.PlatformError>, string>()
  private inodes = 0

  get watchers(): number {
    return this.watches.size
  }

  /** The file that the path leads to, link by link. */
  private resolve(path: string): string {
    let resolved = ""
    for (const part of path.split("/").slice(1)) {
      const target = this.links.get(`${resolved}/${part}`)
      if (target === undefined) resolved = `${resolved}/${part}`
      else resolved = this.resolve(target.startsWith("/") ? target : `${resolved}/${target}`)
    }
    return resolved
  }

  private find(method: string, path: string) {
    const file = this.files.get(this.resolve(path.startsWith("/") ? path : `/work/${path}`))
    return file === undefined ? Effect.fail(failure("NotFound", method, path)) : Effect.succeed(file)
  }

  private tell(_tag: FileSystem.WatchEvent["_tag"], path: string) {
    for (const [queue, folder] of this.watches) if (folder === folderOf(path)) Queue.offerUnsafe(queue, { _tag, path })
  }

  /** Something happens that is no business of the file. */
  event = (path: string) => Effect.sync(() => this.tell("Update", path))

  /** Writes into the file that is there, as shells do. */
  write = (path: string, text: string | Uint8Array, options: { readonly silent?: boolean } = {}) =>
    Effect.map(Clock.currentTimeMillis, (mtime) => {
      const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text
      const old = this.files.get(path)
      this.files.set(path, { bytes, mtime, ino: old?.ino ?? ++this.inodes })
      if (options.silent !== true) this.tell(old === undefined ? "Create" : "Update", path)
    })

  /** Writes another file and renames it, as editors do. */
  replace = (path: string, text: string) =>
    Effect.gen({ self: this }, function* () {
      const other = `${path}~`
      yield* this.write(other, text)
      this.files.set(path, this.files.get(other)!)
      this.files.delete(other)
      this.tell("Remove", other)
      this.tell("Create", path)
    })

  remove = (path: string) =>
    Effect.sync(() => {
      this.files.delete(path)
      this.tell("Remove", path)
    })

  link = (path: string, target: string) =>
    Effect.sync(() => {
      this.links.set(path, target)
      this.tell("Create", path)
    })

  /** All watches fail. */
  failWatches = Effect.suspend(() =>
    Effect.forEach(Array.from(this.watches.keys()), (queue) =>
      Queue.fail(queue, failure("Unknown", "watch", this.watches.get(queue)!))
    )
  )

  readonly layer = FileSystem.layerNoop({
    stat: (path) =>
      Effect.suspend(() => this.statInstead ?? this.find("stat", path)).pipe(
        Effect.map(({ bytes, ino, mtime }) => infoOf({ size: bytes.length, ino: BigInt(ino), mtime: new Date(mtime) }))
      ),
    readFile: (path) =>
      Effect.tap(
        Effect.map(this.find("readFile", path), ({ bytes }) => {
          this.reads++
          return bytes.slice()
        }),
        () => {
          const { whileReading } = this
          this.whileReading = Effect.void
          return whileReading
        }
      ),
    watch: (path) =>
      Stream.unwrap(
        Effect.gen({ self: this }, function* () {
          this.watched.push(path)
          if (this.watchInstead !== undefined) return this.watchInstead
          const queue = yield* Effect.acquireRelease(
            Queue.unbounded<FileSystem.WatchEvent, PlatformError.PlatformError>(),
            (queue) => Effect.sync(() => this.watches.delete(queue))
          )
          this.watches.set(queue, path.startsWith("/") ? path : "/work")
          return Stream.fromQueue(queue)
        })
      )
  })
}

const infoOf = (given: { readonly size: number | bigint; readonly ino: bigint; readonly mtime: Date }) => ({
  type: "File" as const,
  size: ByteSize.fromInputUnsafe(given.size),
  mtime: Option.some(given.mtime),
  atime: Option.none(),
  birthtime: Option.none(),
  dev: 0n,
  ino: Option.some(given.ino),
  mode: 0,
  nlink: Option.none(),
  uid: Option.none(),
  gid: Option.none(),
  rdev: Option.none(),
  blksize: Option.none(),
  blocks: Option.none()
})

// --- What the tests use -------------------------------------------------------------------------------------------------

const path = "/etc/ryker/ryker.toml"

const deadline = (text: string) => `[defaults]\ndeadline = "${text}"\n`

/** Lets time pass, with all that follows from it. */
const pass = (duration: Duration.Input) => Effect.andThen(Effect.andThen(settled, TestClock.adjust(duration)), settled)

/** Time enough for a change to be seen and settled, with the default `debounce`. */
const seen = pass(400)

interface World {
  readonly disk: Disk
  /** What the environment holds, which a test may change. */
  readonly env: Record<string, string>
  readonly lines: Array<Line>
  /** Closes the Layer of the reloads, not the runtime. */
  readonly close: Effect.Effect<void>
}

interface WorldOptions extends RykerConfig.ReloadOptions {
  /** Options of the runtime; its file is the one that is watched, unless it says otherwise. */
  readonly runtime?: Ryker.ConfigOptions
  readonly text?: string
  readonly files?: (disk: Disk) => Effect.Effect<unknown>
  /** Gets the log lines besides `lines`. */
  readonly logger?: Logger.Logger<unknown, unknown>
  /** The clock of the reloads, instead of that of the test. */
  readonly clock?: Clock.Clock
}

/** A runtime that was started with a file, and reloads. */
const inWorld =
  ({ clock, files, logger, runtime, text = deadline("1s"), ...options }: WorldOptions) =>
  <A, E>(test: (world: World) => Effect.Effect<A, E, Ryker.Ryker | Scope.Scope>) =>
    Effect.gen(function* () {
      const disk = new Disk()
      const env: Record<string, string> = {}
      const lines: Array<Line> = []
      yield* disk.write(path, text)
      if (files !== undefined) yield* files(disk)
      const provider = ConfigProvider.make((path) => ConfigProvider.fromEnv({ env: { ...env } }).load(path))
      const surroundings = Layer.mergeAll(
        disk.layer,
        ConfigProvider.layer(provider),
        Logger.layer([loggerInto(lines), ...(logger === undefined ? [] : [logger])])
      )
      const runtimeLayer = Ryker.layerConfig({ drainDeadline: 0, file: options.file, ...runtime })
      return yield* Effect.gen(function* () {
        const scope = yield* Scope.fork(yield* Effect.scope)
        const reloads = Layer.buildWithScope(RykerConfig.layerReload(options), scope)
        yield* clock === undefined ? reloads : Effect.provideService(reloads, Clock.Clock, clock)
        yield* settled
        disk.reads = 0
        lines.splice(0)
        const result = yield* test({ disk, env, lines, close: Scope.close(scope, Exit.void) })
        yield* assertBalanced
        return result
      }).pipe(Effect.scoped, Effect.provide(runtimeLayer), Effect.provide(surroundings))
    })

const inFileWorld = (options: Omit<WorldOptions, "file"> = {}) => inWorld({ file: path, ...options })

const deadlineNow = Effect.map(Ryker.config, ({ config }) => config.defaults.deadline)

/** The version, how many were refused, and the deadline that holds. */
const now = Effect.map(Ryker.config, ({ config, refused, version }) => [version, refused, config.defaults.deadline])

/** Dies of what goes wrong, and of nothing else. */
const dying = Logger.make(({ logLevel }) => {
  if (logLevel === "Error") throw new Error("on purpose")
})

const eventsOf = (lines: ReadonlyArray<Line>) => lines.map(({ annotations }) => annotations["event"])

const signals = ["SIGHUP", "SIGUSR2"] as const

/** As the process does when it gets the signal; in a thread, as tests run in, no real one arrives. */
const signal = (name: (typeof signals)[number]) => Effect.sync(() => process.emit(name))

const listeners = (name: string) => process.listenerCount(name)

// --- Files --------------------------------------------------------------------------------------------------------------

describe("a file that is watched", () => {
  it.effect("is applied after it was replaced by a rename, and acts on running actors", () =>
    inFileWorld()(({ disk, lines }) =>
      Effect.gen(function* () {
        const worker = yield* spawnWorker("w")
        yield* disk.replace(path, deadline("50ms"))
        yield* pass(399)
        assert.deepStrictEqual(yield* now, [1, 0, 1_000])
        yield* pass(1)
        const { origins, source } = yield* Ryker.config
        assert.deepStrictEqual(yield* now, [2, 0, 50])
        assert.strictEqual(source, path)
        assert.deepStrictEqual(origins["defaults.deadline"], { source: "file", name: path, line: 2 })
        assert.deepStrictEqual(eventsOf(lines), ["config_applied"])
        const error = yield* background(Effect.flip(ask(worker, () => Effect.never)))
        yield* pass(50)
        assert.isDefined(error.pollUnsafe())
      })
    )
  )

  it.effect("is applied after it was written in place", () =>
    inFileWorld()(({ disk }) =>
      Effect.gen(function* () {
        yield* disk.write(path, deadline("2s"))
        yield* seen
        assert.deepStrictEqual(yield* now, [2, 0, 2_000])
        yield* disk.write(path, deadline("3s"))
        yield* seen
        assert.deepStrictEqual(yield* now, [3, 0, 3_000])
      })
    )
  )

  it.effect("may be a link into a folder that is swapped, as a ConfigMap is", () =>
    inFileWorld({
      files: (disk) =>
        Effect.gen(function* () {
          yield* disk.remove(path)
          yield* disk.write("/etc/ryker/..one/ryker.toml", deadline("1s"))
          yield* disk.link("/etc/ryker/..data", "..one")
          yield* disk.link(path, "..data/ryker.toml")
        })
    })(({ disk }) =>
      Effect.gen(function* () {
        for (const [version, folder, seconds] of [
          [2, "..two", 2],
          [3, "..three", 3]
        ] as const) {
          yield* disk.write(`/etc/ryker/${folder}/ryker.toml`, deadline(`${seconds}s`))
          yield* disk.link("/etc/ryker/..data", folder)
          yield* seen
          assert.deepStrictEqual(yield* now, [version, 0, seconds * 1_000])
        }
      })
    )
  )

  it.effect.each([
    ["ryker.toml", "."],
    ["conf/ryker.toml", "conf"],
    ["/ryker.toml", "/"],
    ["/etc/ryker/ryker.toml", "/etc/ryker"]
  ])("is watched by its folder: %s by %s", ([file, folder]) =>
    inWorld({ file, runtime: { file: path } })(({ disk }) =>
      Effect.sync(() => assert.deepStrictEqual(disk.watched, [folder]))
    )
  )

  it.effect("is left alone while it is being written, and read when it is whole", () =>
    inFileWorld()(({ disk }) =>
      Effect.gen(function* () {
        // Each part of it would be well-formed, and wrong.
        const whole = `${deadline("2s")}mailbox_capacity = 512\n`
        for (let end = 0; end < whole.length; end += 4) {
          yield* disk.write(path, whole.slice(0, end))
          yield* pass(150)
          assert.deepStrictEqual(yield* now, [1, 0, 1_000])
        }
        assert.strictEqual(disk.reads, 0)
        yield* disk.write(path, whole)
        yield* seen
        assert.deepStrictEqual(yield* now, [2, 0, 2_000])
        assert.strictEqual((yield* Ryker.config).config.defaults.mailbox_capacity, 512)
        assert.strictEqual(disk.reads, 1)
      })
    )
  )

  it.effect("is left alone while it grows, also if that is no event", () =>
    inFileWorld()(({ disk }) =>
      Effect.gen(function* () {
        yield* disk.write(path, "")
        yield* pass(300)
        yield* disk.write(path, deadline("2s").slice(0, 10), { silent: true })
        yield* pass("1 minute")
        assert.deepStrictEqual(yield* now, [1, 0, 1_000])
        yield* disk.write(path, deadline("2s"))
        yield* seen
        assert.deepStrictEqual(yield* now, [2, 0, 2_000])
      })
    )
  )

  it.effect("is not applied as it is between two writes of the same length", () =>
    inFileWorld()(({ disk }) =>
      Effect.gen(function* () {
        yield* disk.write(path, deadline("7s"))
        yield* pass(300)
        yield* disk.write(path, deadline("2s"))
        yield* pass(399)
        assert.deepStrictEqual(yield* now, [1, 0, 1_000])
        yield* pass(1)
        assert.deepStrictEqual(yield* now, [2, 0, 2_000])
      })
    )
  )

  it.effect("is not applied when it changes while it is read: a file that was cut off may be well-formed", () =>
    inFileWorld({ text: `${deadline("1s")}mailbox_capacity = 512\n` })(({ disk, lines }) =>
      Effect.gen(function* () {
        yield* disk.write(path, deadline("2s"))
        // What is read is the first part; the rest is written in this moment.
        disk.whileReading = Effect.andThen(
          Effect.sleep(1),
          disk.write(path, `${deadline("2s")}mailbox_capacity = 1024\n`)
        )
        const capacities: Array<number> = []
        for (let n = 0; n < 100; n++) {
          yield* pass(10)
          capacities.push((yield* Ryker.config).config.defaults.mailbox_capacity)
        }
        assert.deepStrictEqual([...new Set(capacities)], [512, 1_024])
        // It is nobody's mistake, and told to nobody.
        assert.deepStrictEqual(eventsOf(lines), ["config_applied"])
        assert.deepStrictEqual(yield* now, [2, 0, 2_000])
      })
    )
  )

  it.effect("is refused as long as it is rubbish, says so, and is applied once it is mended", () =>
    inFileWorld()(({ disk, lines }) =>
      Effect.gen(function* () {
        const rubbish = [
          deadline("10 parsecs"),
          "[defaults\n",
          `${deadline("2s")}mailbox_capasity = 5\n`,
          `${deadline("2s")}[amnesia]\nenabled = true\nzeroize_on_drop = false\n`,
          "x".repeat(2_000_000)
        ]
        for (const [index, text] of rubbish.entries()) {
          yield* disk.write(path, text)
          yield* seen
          assert.deepStrictEqual(yield* now, [1, index + 1, 1_000])
        }
        yield* disk.write(path, new Uint8Array([0xff, 0xfe, 0x00]))
        yield* seen
        assert.deepStrictEqual(yield* now, [1, rubbish.length + 1, 1_000])

        const all = lines.map(({ annotations, level }) => [level, annotations["event"]])
        assert.deepStrictEqual(
          all,
          Array.from({ length: rubbish.length + 1 }, () => [
            ["Error", "config_refused"],
            ["Error", "config_problem"]
          ]).flat()
        )
        assert.deepInclude(lines[0]!.annotations, {
          lib: "ryker",
          actor: "ryker",
          source: path,
          version: 1,
          problems: 1
        })
        for (const part of ["10 parsecs", path, "line 2"]) assert.include(String(lines[1]!.message), part)
        assert.include(String(lines[5]!.message), "did you mean defaults.mailbox_capacity?")

        yield* disk.write(path, deadline("2s"))
        yield* seen
        assert.deepStrictEqual(yield* now, [2, rubbish.length + 1, 2_000])
      })
    )
  )

  it.effect("that is deleted is refused, and is applied when it is there again", () =>
    inFileWorld({ text: deadline("5s") })(({ disk, lines }) =>
      Effect.gen(function* () {
        yield* disk.remove(path)
        yield* seen
        assert.deepStrictEqual(yield* now, [1, 1, 5_000])
        assert.deepStrictEqual(eventsOf(lines), ["config_refused", "config_problem"])
        yield* pass("1 hour")
        assert.deepStrictEqual(yield* now, [1, 1, 5_000])
        yield* disk.write(path, deadline("2s"))
        yield* seen
        assert.deepStrictEqual(yield* now, [2, 1, 2_000])
      })
    )
  )

  it.effect("that is deleted and written anew at once is one reload, and none is refused", () =>
    inFileWorld()(({ disk }) =>
      Effect.gen(function* () {
        yield* disk.remove(path)
        yield* pass(100)
        yield* disk.write(path, deadline("2s"))
        yield* seen
        assert.deepStrictEqual(yield* now, [2, 0, 2_000])
      })
    )
  )

  it.effect("is read once, however many events there are", () =>
    inFileWorld()(({ disk }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 50; n++) {
          yield* disk.replace(path, deadline("2s"))
          if (n % 10 === 0) yield* pass(50)
        }
        yield* seen
        yield* pass("1 minute")
        assert.strictEqual(disk.reads, 1)
        assert.deepStrictEqual(yield* now, [2, 0, 2_000])
      })
    )
  )

  it.effect("is left alone for as long as it was asked", () =>
    inFileWorld({ debounce: "2 seconds" })(({ disk }) =>
      Effect.gen(function* () {
        yield* disk.replace(path, deadline("2s"))
        yield* pass(3_999)
        assert.strictEqual(yield* deadlineNow, 1_000)
        yield* pass(1)
        assert.strictEqual(yield* deadlineNow, 2_000)
      })
    )
  )

  it.effect("with the same settings in it is no reload", () =>
    inFileWorld()(({ disk, lines }) =>
      Effect.gen(function* () {
        yield* disk.replace(path, `# a comment\n${deadline("1000ms")}`)
        yield* seen
        assert.deepStrictEqual(yield* now, [1, 0, 1_000])
        assert.deepStrictEqual(lines, [])
      })
    )
  )

  it.effect("may say less than before: what it does not say any more is the default", () =>
    inFileWorld({ text: deadline("5s") })(({ disk }) =>
      Effect.gen(function* () {
        yield* disk.replace(path, "")
        yield* seen
        const { origins } = yield* Ryker.config
        assert.deepStrictEqual(yield* now, [2, 0, 1_000])
        assert.strictEqual(origins["defaults.deadline"]!.source, "default")
      })
    )
  )

  it.effect("is below the environment and what the program has said", () =>
    inFileWorld({ runtime: { file: path, defaults: { capacity: 7 } } })(({ disk, env }) =>
      Effect.gen(function* () {
        env["RYKER_BATCH_MESSAGES"] = "5"
        yield* Ryker.reload({ defaults: { deadline: "4s" } })
        yield* disk.replace(
          path,
          `${deadline("2s")}mailbox_capacity = 9\n[fairness]\nbatch_messages = 9\nyield_every_n_msgs = 99\n`
        )
        yield* seen
        const { config, version } = yield* Ryker.config
        assert.deepInclude(config.defaults, { deadline: 4_000, mailbox_capacity: 7 })
        assert.deepStrictEqual(config.fairness, { batch_messages: 5, yield_every_n_msgs: 99 })
        assert.strictEqual(version, 3)
      })
    )
  )

  it.effect("with a cold change is refused as a whole if the reloads are strict", () =>
    inFileWorld({ strict: true })(({ disk }) =>
      Effect.gen(function* () {
        yield* disk.replace(path, `${deadline("2s")}mailbox_capacity = 9\n`)
        yield* seen
        assert.deepStrictEqual(yield* now, [1, 1, 1_000])
        yield* disk.replace(path, deadline("2s"))
        yield* seen
        assert.deepStrictEqual(yield* now, [2, 1, 2_000])
      })
    )
  )

  it.effect("is seen although something else in its folder changes all the time", () =>
    inFileWorld()(({ disk }) =>
      Effect.gen(function* () {
        yield* disk.replace(path, deadline("2s"))
        for (let n = 0; n < 100; n++) {
          yield* disk.write("/etc/ryker/service.log", `line ${n}`)
          yield* pass(100)
        }
        assert.deepStrictEqual(yield* now, [2, 0, 2_000])
      })
    )
  )

  it.effect("is not read for what happens to others in its folder", () =>
    inFileWorld()(({ disk, lines }) =>
      Effect.gen(function* () {
        yield* disk.write("/etc/ryker/service.log", "line")
        yield* seen
        yield* disk.event("/etc/ryker/service.log")
        yield* seen
        assert.deepStrictEqual(yield* now, [1, 0, 1_000])
        assert.deepStrictEqual(lines, [])
      })
    )
  )

  it.effect("that is refused is refused once, whatever happens to others in its folder", () =>
    inFileWorld()(({ disk, lines }) =>
      Effect.gen(function* () {
        yield* disk.replace(path, deadline("10 parsecs"))
        yield* seen
        for (let n = 0; n < 10; n++) {
          yield* disk.write("/etc/ryker/service.log", `line ${n}`)
          yield* seen
        }
        assert.deepStrictEqual(yield* now, [1, 1, 1_000])
        assert.deepStrictEqual(eventsOf(lines), ["config_refused", "config_problem"])
      })
    )
  )

  it.effect("that changes while it is read slowly is read again", () =>
    inFileWorld()(({ disk }) =>
      Effect.gen(function* () {
        disk.whileReading = Effect.sleep("10 seconds")
        yield* disk.replace(path, deadline("2s"))
        yield* pass("5 seconds")
        yield* disk.replace(path, deadline("3s"))
        yield* pass("10 seconds")
        assert.strictEqual(yield* deadlineNow, 3_000)
      })
    )
  )
})

// --- Watching that fails ------------------------------------------------------------------------------------------------

describe("watching", () => {
  it.effect("that fails is told, and begun again after a second", () =>
    inFileWorld()(({ disk, lines }) =>
      Effect.gen(function* () {
        for (let n = 1; n <= 3; n++) {
          yield* disk.failWatches
          yield* settled
          assert.deepStrictEqual(eventsOf(lines.splice(0)), ["config_problem"])
          yield* pass(999)
          assert.strictEqual(disk.watched.length, n)
          yield* pass(1)
          assert.strictEqual(disk.watched.length, n + 1)
          assert.strictEqual(disk.watchers, 1)
          yield* disk.replace(path, deadline(`${n + 1}s`))
          yield* seen
          assert.deepStrictEqual(yield* now, [n + 1, 0, (n + 1) * 1_000])
          lines.splice(0)
        }
      })
    )
  )

  it.effect("that ends without a failure is begun again, too", () =>
    inFileWorld()(({ disk }) =>
      Effect.gen(function* () {
        disk.watchInstead = Stream.empty
        yield* disk.failWatches
        yield* pass("10 seconds")
        disk.watchInstead = undefined
        yield* pass("1 second")
        assert.strictEqual(disk.watchers, 1)
        yield* disk.replace(path, deadline("2s"))
        yield* seen
        assert.strictEqual(yield* deadlineNow, 2_000)
      })
    )
  )

  it.effect("that fails right after a change does not lose the change", () =>
    inFileWorld()(({ disk }) =>
      Effect.gen(function* () {
        yield* disk.replace(path, deadline("2s"))
        yield* pass(50)
        yield* disk.failWatches
        yield* pass("1 minute")
        assert.deepStrictEqual(yield* now, [2, 0, 2_000])
      })
    )
  )

  it.effect("that was down does not miss what changed meanwhile", () =>
    inFileWorld()(({ disk }) =>
      Effect.gen(function* () {
        yield* disk.failWatches
        yield* pass(500)
        yield* disk.replace(path, deadline("2s"))
        yield* pass("1 minute")
        assert.deepStrictEqual(yield* now, [2, 0, 2_000])
      })
    )
  )

  it.effect("goes on when the file system dies of a look at the file", () =>
    inFileWorld()(({ disk }) =>
      Effect.gen(function* () {
        disk.statInstead = Effect.die(new Error("on purpose"))
        yield* disk.replace(path, deadline("2s"))
        yield* pass("1 minute")
        disk.statInstead = undefined
        yield* disk.replace(path, deadline("3s"))
        yield* pass("1 minute")
        assert.strictEqual(yield* deadlineNow, 3_000)
      })
    )
  )

  it.effect("goes on when the file system dies of the reading", () =>
    inFileWorld()(({ disk, lines }) =>
      Effect.gen(function* () {
        disk.whileReading = Effect.die(new Error("on purpose"))
        yield* disk.replace(path, deadline("2s"))
        yield* pass("1 minute")
        assert.include(eventsOf(lines), "config_problem")
        yield* disk.replace(path, deadline("3s"))
        yield* pass("1 minute")
        assert.strictEqual(yield* deadlineNow, 3_000)
      })
    )
  )

  it.effect("goes on when the file cannot be looked at for a while", () =>
    inFileWorld()(({ disk }) =>
      Effect.gen(function* () {
        disk.statInstead = Effect.fail(failure("PermissionDenied", "stat", path))
        yield* disk.replace(path, deadline("2s"))
        yield* seen
        assert.deepStrictEqual(yield* now, [1, 1, 1_000])
        disk.statInstead = undefined
        yield* disk.event(path)
        yield* seen
        assert.deepStrictEqual(yield* now, [2, 1, 2_000])
      })
    )
  )

  it.effect("goes on when a logger dies of what it is told", () =>
    inFileWorld({ logger: dying })(({ disk }) =>
      Effect.gen(function* () {
        yield* disk.replace(path, deadline("10 parsecs"))
        yield* seen
        assert.deepStrictEqual(yield* now, [1, 1, 1_000])
        yield* disk.failWatches
        yield* pass("1 second")
        yield* disk.replace(path, deadline("2s"))
        yield* seen
        assert.deepStrictEqual(yield* now, [2, 1, 2_000])
      })
    )
  )

  it.effect("does not wait for a clock that was put back: how long a file rests is not a time of the day", () =>
    Effect.gen(function* () {
      let back = 0
      const testClock = yield* Clock.Clock
      const wall: Clock.Clock = {
        currentTimeMillisUnsafe: () => testClock.currentTimeMillisUnsafe() - back,
        currentTimeMillis: Effect.map(testClock.currentTimeMillis, (millis) => millis - back),
        currentTimeNanosUnsafe: () => testClock.currentTimeNanosUnsafe() - BigInt(back) * 1_000_000n,
        currentTimeNanos: Effect.map(testClock.currentTimeNanos, (nanos) => nanos - BigInt(back) * 1_000_000n),
        monotonicTimeNanosUnsafe: () => testClock.monotonicTimeNanosUnsafe(),
        monotonicTimeNanos: testClock.monotonicTimeNanos,
        sleep: (duration) => testClock.sleep(duration)
      }
      yield* inFileWorld({ clock: wall })(({ disk }) =>
        Effect.gen(function* () {
          yield* disk.replace(path, deadline("2s"))
          yield* pass(100)
          back = 3_600_000
          yield* pass(300)
          assert.strictEqual(yield* deadlineNow, 2_000)
        })
      )
    })
  )

  it.effect("ends with the Layer, whatever it is at", () =>
    Effect.gen(function* () {
      const moments: ReadonlyArray<readonly [string, (disk: Disk) => Effect.Effect<unknown>]> = [
        ["idle", () => Effect.void],
        ["debouncing", (disk) => Effect.andThen(disk.replace(path, deadline("2s")), pass(100))],
        ["settling", (disk) => Effect.andThen(disk.replace(path, deadline("2s")), pass(300))],
        [
          "reading",
          (disk) => {
            disk.whileReading = Effect.never
            return Effect.andThen(disk.replace(path, deadline("2s")), pass(400))
          }
        ],
        ["beginning again", (disk) => Effect.andThen(disk.failWatches, pass(500))]
      ]
      for (const [name, until] of moments) {
        yield* inFileWorld()(({ close, disk }) =>
          Effect.gen(function* () {
            yield* until(disk)
            const { length } = disk.watched
            const closing = yield* background(close)
            assert.isDefined(closing.pollUnsafe(), `${name}: it does not close`)
            assert.strictEqual(disk.watchers, 0, name)
            const { reads } = disk
            yield* disk.replace(path, deadline("3s"))
            yield* pass("1 minute")
            assert.deepStrictEqual([disk.reads, disk.watched.length], [reads, length], name)
            assert.deepStrictEqual(yield* now, [1, 0, 1_000], name)
            // Nobody's turn is taken for ever.
            yield* Ryker.reload({ defaults: { deadline: "4s" } })
          })
        )
      }
    })
  )

  it.effect("goes on through a drain", () =>
    inFileWorld()(({ disk }) =>
      Effect.gen(function* () {
        yield* Ryker.drain(0)
        yield* disk.replace(path, deadline("2s"))
        yield* seen
        assert.strictEqual(yield* deadlineNow, 2_000)
      })
    )
  )

  it.effect("without a file system is told, once: nobody need wait for what cannot happen", () =>
    Effect.gen(function* () {
      const lines: Array<Line> = []
      yield* Effect.gen(function* () {
        yield* Layer.build(RykerConfig.layerReload({ file: path }))
        yield* pass("1 hour")
        const problems = lines.filter(({ annotations }) => annotations["event"] === "config_problem")
        assert.strictEqual(problems.length, 1)
        assert.include(String(problems[0]!.message), "FileSystem")
      }).pipe(Effect.scoped, Effect.provide(Ryker.layer), Effect.provide(Logger.layer([loggerInto(lines)])))
    })
  )
})

// --- Signals ------------------------------------------------------------------------------------------------------------

describe("a read that the program asks for itself", () => {
  it.effect("refuses a file that changes meanwhile: what was read of it may lack its end", () =>
    inWorld({ runtime: {} })(({ disk }) =>
      Effect.gen(function* () {
        yield* disk.write(path, deadline("2s"))
        disk.whileReading = disk.write(path, `${deadline("2s")}mailbox_capacity = 1024\n`)
        const reload = Ryker.reload(RykerConfig.load({ file: path })).pipe(Effect.provide(disk.layer))
        const { problems } = yield* Effect.flip(reload)
        assert.deepStrictEqual(
          problems.map(({ rule, source }) => [source, rule]),
          [[path, "a file that nobody writes while it is read"]]
        )
        assert.deepStrictEqual(yield* now, [1, 1, 1_000])
        yield* reload
        assert.deepStrictEqual(yield* now, [2, 1, 2_000])
      })
    )
  )
})

describe("a signal", () => {
  for (const name of signals) {
    it.effect(`makes the program read all sources anew: ${name}`, () =>
      inWorld({ signal: name, runtime: { file: path }, file: path })(({ disk, env }) =>
        Effect.gen(function* () {
          yield* disk.write(path, deadline("2s"), { silent: true })
          env["RYKER_BATCH_MESSAGES"] = "5"
          assert.isTrue(yield* signal(name))
          yield* seen
          const { config, source } = yield* Ryker.config
          assert.deepStrictEqual(yield* now, [2, 0, 2_000])
          assert.strictEqual(config.fairness.batch_messages, 5)
          assert.strictEqual(source, name)
        })
      )
    )
  }

  it.effect("is listened to from the moment that the Layer is ready until it is closed", () =>
    Effect.gen(function* () {
      const before = listeners("SIGHUP")
      const scope = yield* Scope.make()
      yield* Layer.buildWithScope(Layer.provide(RykerConfig.layerReload({ signal: "SIGHUP" }), Ryker.layer), scope)
      assert.strictEqual(listeners("SIGHUP"), before + 1)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(listeners("SIGHUP"), before)
    })
  )

  it.effect("that comes several times in a row is served at least once after the last", () =>
    inWorld({ signal: "SIGHUP", file: path })(({ disk }) =>
      Effect.gen(function* () {
        disk.whileReading = Effect.sleep("1 second")
        yield* signal("SIGHUP")
        yield* seen
        for (let n = 2; n <= 6; n++) {
          yield* disk.write(path, deadline(`${n}s`), { silent: true })
          yield* signal("SIGHUP")
        }
        yield* pass("10 seconds")
        assert.strictEqual(yield* deadlineNow, 6_000)
        assert.isAtMost(disk.reads, 3)
      })
    )
  )

  it.effect("that brings what is wrong changes nothing, says so, and the next one is served", () =>
    inWorld({ signal: "SIGHUP", runtime: {} })(({ env, lines }) =>
      Effect.gen(function* () {
        env["RYKER_DEFAULT_DEADLINE"] = "10 parsecs"
        env["RYKER_NOPE"] = "1"
        yield* signal("SIGHUP")
        yield* settled
        assert.deepStrictEqual(yield* now, [1, 1, 1_000])
        assert.deepStrictEqual(eventsOf(lines), ["config_refused", "config_problem"])
        assert.deepInclude(lines[0]!.annotations, { source: "SIGHUP", problems: 2 })
        delete env["RYKER_NOPE"]
        env["RYKER_DEFAULT_DEADLINE"] = "2s"
        yield* signal("SIGHUP")
        yield* settled
        assert.deepStrictEqual(yield* now, [2, 1, 2_000])
      })
    )
  )

  for (const options of [{ file: path }, { runtime: { file: path } }]) {
    const whose = options.file === undefined ? "the runtime's" : "its own"
    it.effect(`does not read a file that is being written, and reads it when it is whole (${whose})`, () =>
      inWorld({ signal: "SIGHUP", ...options, text: `${deadline("1s")}mailbox_capacity = 512\n` })(({ disk, lines }) =>
        Effect.gen(function* () {
          const capacities: Array<number> = []
          const look = Effect.map(Ryker.config, ({ config }) => capacities.push(config.defaults.mailbox_capacity))
          // What is there so far is well-formed, and lacks its end.
          yield* disk.write(path, deadline("2s"), { silent: true })
          yield* signal("SIGHUP")
          yield* pass(300)
          yield* look
          yield* disk.write(path, `${deadline("2s")}mailbox_capacity `, { silent: true })
          // It is read when it rests, and changes in this moment.
          disk.whileReading = disk.write(path, `${deadline("2s")}mailbox_capacity = 1024\n`, { silent: true })
          for (let n = 0; n < 20; n++) {
            yield* pass(100)
            yield* look
          }
          assert.deepStrictEqual([...new Set(capacities)], [512, 1_024])
          // It is nobody's mistake, and told to nobody.
          assert.deepStrictEqual(eventsOf(lines), ["config_applied"])
          assert.deepStrictEqual(yield* now, [2, 0, 2_000])
        })
      )
    )
  }

  it.effect("reads at once where there is no file", () =>
    inWorld({ signal: "SIGHUP", runtime: {} })(({ env }) =>
      Effect.gen(function* () {
        env["RYKER_DEFAULT_DEADLINE"] = "2s"
        yield* signal("SIGHUP")
        yield* settled
        assert.deepStrictEqual(yield* now, [2, 0, 2_000])
      })
    )
  )

  it.effect("with nothing new is no reload", () =>
    inWorld({ signal: "SIGHUP", file: path })(({ lines }) =>
      Effect.gen(function* () {
        yield* signal("SIGHUP")
        yield* seen
        assert.deepStrictEqual(yield* now, [1, 0, 1_000])
        assert.deepStrictEqual(lines, [])
      })
    )
  )

  it.effect("that brings a cold change is refused if the reloads are strict", () =>
    inWorld({ signal: "SIGHUP", strict: true })(({ env }) =>
      Effect.gen(function* () {
        env["RYKER_DEFAULT_DEADLINE"] = "2s"
        env["RYKER_DEFAULT_MAILBOX_CAPACITY"] = "9"
        yield* signal("SIGHUP")
        yield* settled
        assert.deepStrictEqual(yield* now, [1, 1, 1_000])
      })
    )
  )

  it.effect("does not end the process when reading died before", () =>
    inWorld({ signal: "SIGHUP", file: path })(({ disk, lines }) =>
      Effect.gen(function* () {
        disk.whileReading = Effect.die(new Error("on purpose"))
        yield* disk.write(path, deadline("2s"), { silent: true })
        yield* signal("SIGHUP")
        yield* seen
        assert.include(eventsOf(lines), "config_problem")
        assert.isTrue(yield* signal("SIGHUP"), "nobody listens any more")
        yield* seen
        assert.strictEqual(yield* deadlineNow, 2_000)
      })
    )
  )

  it.effect("does not end the process when a logger died of what it was told", () =>
    inWorld({ signal: "SIGHUP", logger: dying })(({ env }) =>
      Effect.gen(function* () {
        env["RYKER_DEFAULT_DEADLINE"] = "10 parsecs"
        yield* signal("SIGHUP")
        yield* settled
        env["RYKER_DEFAULT_DEADLINE"] = "2s"
        assert.isTrue(yield* signal("SIGHUP"), "nobody listens any more")
        yield* settled
        assert.deepStrictEqual(yield* now, [2, 1, 2_000])
      })
    )
  )

  it.effect("reads the file that the runtime began with, if it has none of its own", () =>
    inWorld({ signal: "SIGHUP", runtime: { file: path }, text: deadline("5s") })(({ disk }) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* deadlineNow, 5_000)
        yield* signal("SIGHUP")
        yield* seen
        assert.deepStrictEqual(yield* now, [1, 0, 5_000])
        yield* disk.write(path, deadline("6s"))
        yield* signal("SIGHUP")
        yield* seen
        assert.deepStrictEqual(yield* now, [2, 0, 6_000])
      })
    )
  )

  it.effect("and a change of the file at the same time are two reloads, one after the other", () =>
    inWorld({ signal: "SIGHUP", file: path })(({ disk }) =>
      Effect.gen(function* () {
        const found: Array<RykerEvent.RykerEvent> = []
        yield* background(Stream.runForEach(Ryker.events, (event) => Effect.sync(() => found.push(event))))
        disk.whileReading = Effect.sleep("1 second")
        yield* disk.replace(path, deadline("2s"))
        yield* pass(400)
        yield* disk.write(path, deadline("3s"))
        yield* signal("SIGHUP")
        yield* pass("10 seconds")
        assert.strictEqual(yield* deadlineNow, 3_000)
        const versions = found.map((event) => event._tag === "ConfigApplied" && event.version)
        assert.deepStrictEqual(
          versions,
          versions.map((_, index) => index + 2)
        )
      })
    )
  )

  it.effect("during a drain is served", () =>
    inWorld({ signal: "SIGHUP" })(({ env }) =>
      Effect.gen(function* () {
        const worker = yield* spawnWorker("w", { deadline: "Infinity" })
        yield* background(ask(worker, () => Effect.sleep("1 second")))
        const drain = yield* background(Ryker.drain("10 seconds"))
        env["RYKER_DEFAULT_DEADLINE"] = "2s"
        yield* signal("SIGHUP")
        yield* settled
        assert.deepStrictEqual(yield* now, [2, 0, 2_000])
        yield* pass("1 second")
        assert.isDefined(drain.pollUnsafe())
      })
    )
  )

  it.effect("of one Layer does not make the other read", () =>
    inWorld({ signal: "SIGUSR2" })(({ env }) =>
      Effect.gen(function* () {
        env["RYKER_DEFAULT_DEADLINE"] = "2s"
        yield* signal("SIGHUP")
        yield* settled
        assert.strictEqual(yield* deadlineNow, 1_000)
      })
    )
  )
})

// --- A real disk --------------------------------------------------------------------------------------------------------

const attempt = <A>(method: string, path: string, run: () => Promise<A>) =>
  Effect.tryPromise({ try: run, catch: () => failure("NotFound", method, path) })

/** As much of Node's file system as reloading needs. */
const RealDisk = FileSystem.layerNoop({
  stat: (path) =>
    Effect.map(
      attempt("stat", path, () => promises.stat(path, { bigint: true })),
      infoOf
    ),
  readFile: (path) => attempt("readFile", path, () => promises.readFile(path)),
  watch: (path) =>
    Stream.callback<FileSystem.WatchEvent, PlatformError.PlatformError>((queue) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const watcher = nodeFs.watch(path, (_event, name) =>
            Queue.offerUnsafe(queue, { _tag: "Update", path: String(name) })
          )
          watcher.on("error", () => Queue.failCauseUnsafe(queue, Cause.fail(failure("Unknown", "watch", path))))
          return watcher
        }),
        (watcher) => Effect.sync(() => watcher.close())
      )
    )
})

describe("a real folder", () => {
  // Real time, as the file system has no other: it waits for what must come, for a minute at most, and measures nothing.
  it.live(
    "is followed through renames, writes in place, rubbish, a swapped link, and a deletion",
    () =>
      Effect.gen(function* () {
        const folder = yield* Effect.acquireRelease(
          Effect.promise(() => promises.mkdtemp(join(tmpdir(), "ryker-"))),
          (folder) => Effect.promise(() => promises.rm(folder, { recursive: true }))
        )
        const file = join(folder, "ryker.toml")
        const act = (run: () => Promise<unknown>) => Effect.promise(run)
        const until = (name: string, holds: (snapshot: Ryker.Snapshot) => boolean) =>
          Effect.gen(function* () {
            for (let n = 0; n < 600; n++) {
              if (holds(yield* Ryker.config)) return
              yield* Effect.sleep(100)
            }
            assert.fail(`never: ${name}`)
          })
        const untilDeadline = (millis: number) =>
          until(`a deadline of ${millis}`, ({ config }) => config.defaults.deadline === millis)

        yield* act(() => promises.writeFile(file, deadline("1s")))
        yield* Effect.gen(function* () {
          yield* act(() => promises.writeFile(`${file}~`, deadline("2s")))
          yield* act(() => promises.rename(`${file}~`, file))
          yield* untilDeadline(2_000)
          yield* act(() => promises.writeFile(file, deadline("3s")))
          yield* untilDeadline(3_000)
          yield* act(() => promises.writeFile(file, deadline("10 parsecs")))
          yield* until("a refusal", ({ refused }) => refused === 1)
          assert.strictEqual(yield* deadlineNow, 3_000)
          yield* act(() => promises.writeFile(file, deadline("4s")))
          yield* untilDeadline(4_000)

          // As Kubernetes does it: the folder behind a link is swapped by a rename of the link.
          for (const seconds of [5, 6]) {
            yield* act(() => promises.mkdir(join(folder, `..${seconds}`)))
            yield* act(() => promises.writeFile(join(folder, `..${seconds}`, "ryker.toml"), deadline(`${seconds}s`)))
            yield* act(() => promises.symlink(`..${seconds}`, join(folder, "..data_tmp")))
            yield* act(() => promises.rename(join(folder, "..data_tmp"), join(folder, "..data")))
            if (seconds === 5) {
              yield* act(() => promises.symlink(join("..data", "ryker.toml"), `${file}~`))
              yield* act(() => promises.rename(`${file}~`, file))
            }
            yield* untilDeadline(seconds * 1_000)
          }

          const { refused } = yield* Ryker.config
          yield* act(() => promises.unlink(file))
          yield* until("a refusal of the deleted file", (snapshot) => snapshot.refused > refused)
          assert.strictEqual(yield* deadlineNow, 6_000)
          yield* act(() => promises.writeFile(file, deadline("7s")))
          yield* untilDeadline(7_000)
        }).pipe(
          Effect.provide(RykerConfig.layerReload({ file, debounce: "50 millis" })),
          Effect.provide(Ryker.layerConfig({ file })),
          Effect.provide(
            Layer.mergeAll(RealDisk, ConfigProvider.layer(ConfigProvider.fromEnv({ env: {} })), Logger.layer([]))
          )
        )
      }),
    120_000
  )
})
