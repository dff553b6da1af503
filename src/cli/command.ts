/** The `ryker` command: what it understands, and what it does. This and `hostCommands.ts` touch `effect/cli`, which is unstable. */
import * as Argument from "effect/cli/Argument"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stdio from "effect/Stdio"
import * as RykerConfig from "../RykerConfig.ts"
import { InvalidConfig } from "../RykerError.ts"
import { Ended, tail, top } from "./hostCommands.ts"
import * as Render from "./render.ts"

// --- Options ------------------------------------------------------------------------------------------------------------

const file = Flag.Path("file").pipe(
  Flag.withAlias("f"),
  Flag.withDescription("A file of settings: .toml, .json, .yaml. Default: what RYKER_CONFIG_PATH names, if it is set"),
  Flag.optional
)

const json = Flag.Boolean("json").pipe(
  Flag.withDescription("Print JSON for machines, errors too"),
  Flag.withoutNegation,
  Flag.withDefault(false)
)

const format = Flag.Literals("format", Render.formats).pipe(
  Flag.withDescription("The form to print: of a file, or of lines for the environment. Default: toml"),
  Flag.optional
)

const fileArgument = (name: string, description: string) =>
  Argument.Path(name).pipe(Argument.withDescription(description))

// --- What they do -------------------------------------------------------------------------------------------------------

/** Reads, and tells what was read; or what is wrong, and fails. */
const answer = <A>(
  asJson: boolean,
  read: Effect.Effect<A, InvalidConfig>,
  tell: (value: A) => Effect.Effect<void>
): Effect.Effect<void, InvalidConfig> =>
  read.pipe(
    Effect.tapError((error) =>
      asJson
        ? Console.log(Render.json({ ok: false, problems: error.problems }))
        : Console.error(Render.problemsText(error))
    ),
    Effect.flatMap(tell)
  )

/** What works and should be changed is no part of the output. */
const warn = (warnings: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.forEach(warnings, (warning) => Console.error(Render.warningText(warning)), { discard: true })

const painter: Effect.Effect<Render.Paint> = Effect.map(TerminalCapabilities.TerminalCapabilities, ({ canColor }) =>
  Render.paintWith(canColor)
)

const load = (path: Option.Option<string>) => RykerConfig.load({ file: Option.getOrUndefined(path) })

const print = Command.make("print", { file, format, json }, (options) =>
  Effect.gen(function* () {
    if (options.json && Option.isSome(options.format)) {
      const message = "--json and --format exclude each other: for a file in JSON, give --format json alone"
      const errors = [new CliError.ValidationError({ message })]
      return yield* new CliError.ShowHelp({ commandPath: ["ryker", "config", "print"], errors })
    }
    yield* answer(options.json, load(options.file), (resolved) =>
      Effect.gen(function* () {
        if (options.json) return yield* Console.log(Render.settingsJson(resolved))
        yield* warn(resolved.warnings)
        const as = Option.getOrElse(options.format, () => "toml" as const)
        yield* Console.log(Render.settingsText(resolved, as, yield* painter))
      })
    )
  })
).pipe(
  Command.withDescription(
    "Print the settings that hold, from the environment, a file and the defaults, and where each comes from"
  ),
  Command.withShortDescription("Print the settings that hold, and where each comes from"),
  Command.withExamples([
    { command: "ryker config print --file ryker.toml", description: "What holds with this file" },
    { command: "ryker config print --format env", description: "The same as lines for the environment" }
  ])
)

const check = Command.make("check", { file, json }, (options) =>
  answer(options.json, load(options.file), (resolved) =>
    Effect.gen(function* () {
      const { warnings } = resolved
      if (options.json) return yield* Console.log(Render.json({ ok: true, warnings }))
      yield* warn(warnings)
      yield* Console.log(Render.validText(resolved))
    })
  )
).pipe(
  Command.withDescription(
    "Read the settings as a program would: exit code 0 if they are valid, 1 and all errors if not"
  ),
  Command.withShortDescription("Tell whether the settings are valid"),
  Command.withExamples([{ command: "ryker config check --file ryker.toml" }])
)

/** Files alone: the environment of whoever compares them is not that of the service. */
const loadFile = (path: string) => RykerConfig.load({ file: path, environment: ConfigProvider.fromEnv({ env: {} }) })

/** Both files, or what is wrong with either. */
const loadBoth = (from: string, to: string) =>
  Effect.gen(function* () {
    const [a, b] = [yield* Effect.result(loadFile(from)), yield* Effect.result(loadFile(to))]
    if (a._tag === "Success" && b._tag === "Success") return [a.success, b.success] as const
    const results = from === to ? [a] : [a, b]
    const problems = results.flatMap((each) => (each._tag === "Failure" ? each.failure.problems : []))
    return yield* new InvalidConfig({ problems })
  })

const diff = Command.make(
  "diff",
  { from: fileArgument("from", "The file that holds now"), to: fileArgument("to", "The file that is to hold"), json },
  (options) =>
    answer(options.json, loadBoth(options.from, options.to), ([from, to]) =>
      Effect.gen(function* () {
        const changes = RykerConfig.diff(from.config, to.config)
        if (options.json) return yield* Console.log(Render.json({ ok: true, changes }))
        yield* Console.log(Render.changesText(changes, [options.from, options.to], yield* painter))
      })
    )
).pipe(
  Command.withDescription(
    "Say what a reload from one file to another would change: key, class, value before and after. " +
      "Hot keys act at once, others at the next restart of an actor, cold ones on actors that are started later. " +
      "Both files are taken over the defaults, without the environment"
  ),
  Command.withShortDescription("Say what a reload from one file to another would change"),
  Command.withExamples([{ command: "ryker config diff ryker.toml next.toml" }])
)

const schema = Command.make("schema", {}, () => Console.log(Render.json(RykerConfig.jsonSchema))).pipe(
  Command.withDescription("Print the JSON Schema of a file of settings, for editors")
)

const config = Command.make("config").pipe(
  Command.withDescription("Print, check and compare settings"),
  Command.withSubcommands([print, check, diff, schema])
)

const ryker = Command.make("ryker").pipe(
  Command.withDescription("Watches programs that run on ryker, and looks after their settings"),
  Command.withSubcommands([top, tail, config])
)

// --- Running it ---------------------------------------------------------------------------------------------------------

/** The wizard would need a terminal that reads, and nothing here logs. */
const builtIns = [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions]

/** What can be done with standard error, by the rules that hold for standard output. */
const stderrCapabilities = Effect.gen(function* () {
  const stdio = yield* Stdio.Stdio
  const onStderr = { ...stdio, stdoutIsTerminal: stdio.stderrIsTerminal }
  // Layers are built once: without `fresh` it would be the one of standard output.
  const context = yield* Effect.provideService(
    Layer.build(Layer.fresh(TerminalCapabilities.layer)),
    Stdio.Stdio,
    onStderr
  )
  return Context.get(context, TerminalCapabilities.TerminalCapabilities)
})

/** Effect's own would print the usage that comes with an error on standard output, where a pipe takes it for the answer. */
const presenter = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
  const { canColor } = yield* stderrCapabilities
  const formatter = CliOutput.defaultFormatter({ colors: canColor })
  const present: CliOutput.Presenter["present"] = (event) => {
    if (event._tag !== "InvalidInvocation") return CliOutput.defaultPresenter.present(event)
    const hasSecret = args.some((arg) => /^(--header|-H)/.test(arg))
    const errors = hasSecret ? event.errors.map(withoutSecret) : event.errors
    return Console.error(`${formatter.formatHelpDoc(event.helpDoc)}\n${formatter.formatErrors(errors)}`)
  }
  return { present }
})

/** What is too much may be the rest of a header that was not put in quotes. */
const withoutSecret = (error: CliError.NonShowHelpErrors): CliError.NonShowHelpErrors => {
  if (error._tag !== "UnexpectedArgument") return error
  const many = error.arguments.length === 1 ? "1 argument" : `${error.arguments.length} arguments`
  return new CliError.ValidationError({ message: `${many} too many: put what has spaces in it in quotes` })
}

/** Runs the command and gives its exit code: 0, 1 when settings or a host are wrong, 2 when the command was called wrongly. */
export const run = (args: ReadonlyArray<string>, version: string): Effect.Effect<number, never, Command.Environment> =>
  Command.runWith(ryker, { version })(args).pipe(
    Effect.as(0),
    Effect.catch((error) => {
      if (error instanceof Ended) return Effect.succeed(error.code)
      if (!CliError.isCliError(error)) return Effect.succeed(1)
      // Without errors it is help for a command that does nothing without another.
      return Effect.succeed(error._tag === "ShowHelp" && error.errors.length === 0 ? 0 : 2)
    }),
    Effect.provideServiceEffect(CliOutput.Presenter, presenter(args)),
    Effect.provide(Layer.merge(TerminalCapabilities.layer, CliConfig.layer({ builtIns }))),
    Effect.scoped
  )
