import { assert, describe, it } from "@effect/vitest"
import { inspect } from "node:util"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Rpc } from "effect/rpc"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import * as Mailbox from "../src/Mailbox.ts"
import * as RykerError from "../src/RykerError.ts"
import { withActors } from "./fixtures.ts"

const {
  Busy,
  ChildError,
  Crashed,
  Deadlock,
  InvalidConfig,
  InvalidMessage,
  InvalidOption,
  RootFailure,
  StartError,
  Stopped,
  StopReason,
  SupervisorStartError,
  Timeout,
  TooLarge
} = RykerError

const AnyError = Schema.Union([
  Busy,
  TooLarge,
  Timeout,
  Crashed,
  Stopped,
  Deadlock,
  InvalidConfig,
  InvalidMessage,
  InvalidOption,
  StartError,
  SupervisorStartError,
  ChildError,
  RootFailure
])
type AnyError = typeof AnyError.Type

interface Sample {
  readonly error: AnyError
  /** What it is over a wire. */
  readonly encoded: Readonly<Record<string, unknown>> & { readonly _tag: string }
  /** What its message must tell: where, and the value and its limit. */
  readonly tells: ReadonlyArray<string>
  /** What its message must advise. */
  readonly advises: RegExp
}

const actor = "Account/acc-7"
const request = "Withdraw"

const adviceFor: Record<RykerError.StopReason, RegExp> = {
  Stopped: /start it anew, or send the work elsewhere/,
  Draining: /send the work elsewhere/,
  ScopeClosed: /keep it open/,
  RapidFail: /see its log, mend the cause, start it anew/,
  Crashed: /see its log/,
  Normal: /start it anew if there is more to do/,
  SupervisorStopped: /see the supervisor's log lines/,
  Passivated: /get it from its family again/,
  Closed: /offer to another one/,
  Ended: /start another one/
}

const childAdvice: Record<RykerError.ChildError["reason"], RegExp> = {
  NotFound: /whichChildren lists those it has/,
  Running: /terminate it first/,
  Restarting: /wait for it, or terminate it first/,
  NotRunning: /cannot be changed while it restarts, stops or has ended/,
  NotSupervised: /give an effect that spawns an actor/
}

/** What became of the message, which says whether sending it elsewhere may do its work twice. */
const fates = { refused: "not taken in", queued: "will not run", running: "cut off" }

const problem = {
  key: "defaults.deadline",
  environment: "RYKER_DEFAULT_DEADLINE",
  source: "builder",
  rule: "a duration from 10ms to 1m",
  fix: "write it like 1s"
}

const samples: Record<string, Sample> = {
  "Busy of a mailbox": {
    error: new Busy({ actor, limit: "mailbox", capacity: 256 }),
    encoded: { _tag: "Busy", actor, limit: "mailbox", capacity: 256 },
    tells: ["mailbox", actor, "256 messages"],
    advises: /back off and retry, or raise its capacity/
  },
  "Busy of a mailbox for one": {
    error: new Busy({ actor, limit: "mailbox", capacity: 1 }),
    encoded: { _tag: "Busy", actor, limit: "mailbox", capacity: 1 },
    tells: [actor, "1 message)"],
    advises: /back off and retry, or raise its capacity/
  },
  "Busy of a family": {
    error: new Busy({ actor, limit: "residents", capacity: 10_000 }),
    encoded: { _tag: "Busy", actor, limit: "residents", capacity: 10_000 },
    tells: ["family", actor, "10000 resident actors"],
    advises: /retry once some have gone idle, or raise maxResident/
  },
  "Busy of a stash": {
    error: new Busy({ actor, limit: "stash", capacity: 16 }),
    encoded: { _tag: "Busy", actor, limit: "stash", capacity: 16 },
    tells: ["stash", actor, "16 messages"],
    advises: /retry once it is ready for this message, or raise its stash/
  },
  TooLarge: {
    error: new TooLarge({ actor, request, bytes: 70_000, max: 65_536 }),
    encoded: { _tag: "TooLarge", actor, request, bytes: 70_000, max: 65_536 },
    tells: [actor, request, "70000 bytes", "65536"],
    advises: /send a reference or smaller parts, or raise maxMessageBytes/
  },
  "TooLarge beyond counting": {
    error: new TooLarge({ actor, request, bytes: Number.MAX_SAFE_INTEGER, max: 1 }),
    encoded: { _tag: "TooLarge", actor, request, bytes: Number.MAX_SAFE_INTEGER, max: 1 },
    tells: [actor, request, "at least 9007199254740991 bytes"],
    advises: /smaller parts/
  },
  "Timeout while queued": {
    error: new Timeout({ actor, request, phase: "queued", millis: 250 }),
    encoded: { _tag: "Timeout", actor, request, phase: "queued", millis: 250 },
    tells: [actor, request, "queued", "250 ms", "will not run"],
    advises: /retry, or give it more time/
  },
  "Timeout while running": {
    error: new Timeout({ actor, request, phase: "running", millis: 0.1 + 0.2 }),
    encoded: { _tag: "Timeout", actor, request, phase: "running", millis: 0.1 + 0.2 },
    tells: [actor, request, "running", " 0.3 ms", "interrupted"],
    advises: /retry only if it is idempotent, or give it more time/
  },
  Crashed: {
    error: new Crashed({ actor, request, incarnation: 3 }),
    encoded: { _tag: "Crashed", actor, request, incarnation: 3 },
    tells: [actor, request, "incarnation 3", "consumed"],
    advises: /see its log; retry only if it is idempotent/
  },
  "Crashed because of a sibling": {
    error: new Crashed({ actor, request, incarnation: 3, sibling: "Ledger" }),
    encoded: { _tag: "Crashed", actor, request, incarnation: 3, sibling: "Ledger" },
    tells: [actor, request, "incarnation 3", "consumed", 'because of "Ledger"'],
    advises: /retry only if it is idempotent/
  },
  ...Object.fromEntries(
    StopReason.literals.map((reason): [string, Sample] => [
      `Stopped for ${reason}`,
      {
        error: new Stopped({ actor, reason }),
        encoded: { _tag: "Stopped", actor, reason },
        tells: [actor, reason],
        advises: adviceFor[reason]
      }
    ])
  ),
  ...Object.fromEntries(
    (["refused", "queued", "running"] as const).map((phase): [string, Sample] => [
      `Stopped while ${phase}`,
      {
        error: new Stopped({ actor, reason: "Draining", phase }),
        encoded: { _tag: "Stopped", actor, reason: "Draining", phase },
        tells: [actor, "Draining", fates[phase]],
        advises: adviceFor.Draining
      }
    ])
  ),
  Deadlock: {
    error: new Deadlock({ actor: "B", request, cycle: ["A", "B", "A"] }),
    encoded: { _tag: "Deadlock", actor: "B", request, cycle: ["A", "B", "A"] },
    tells: ['"B"', request, "A -> B -> A"],
    advises: /answer with tell, or let one actor own the state/
  },
  "InvalidMessage with an unknown tag": {
    error: new InvalidMessage({ actor, request: "Nope", reason: "UnknownTag", issue: "expected one of Withdraw" }),
    encoded: {
      _tag: "InvalidMessage",
      actor,
      request: "Nope",
      reason: "UnknownTag",
      issue: "expected one of Withdraw"
    },
    tells: [actor, "Nope", "UnknownTag"],
    advises: /expected one of Withdraw/
  },
  "InvalidMessage with a bad payload": {
    error: new InvalidMessage({ actor, request, reason: "InvalidPayload", issue: "amount: expected a finite number" }),
    encoded: {
      _tag: "InvalidMessage",
      actor,
      request,
      reason: "InvalidPayload",
      issue: "amount: expected a finite number"
    },
    tells: [actor, request, "InvalidPayload", "amount"],
    advises: /expected a finite number/
  },
  InvalidOption: {
    error: new InvalidOption({ owner: "jobs", option: "capacity", value: "0", rule: "a whole number from 1 to 9" }),
    encoded: {
      _tag: "InvalidOption",
      owner: "jobs",
      option: "capacity",
      value: "0",
      rule: "a whole number from 1 to 9"
    },
    tells: ["jobs", "capacity is 0"],
    advises: /must be a whole number from 1 to 9/
  },
  "InvalidConfig of a file": {
    error: new InvalidConfig({ problems: [{ ...problem, source: "ryker.toml", line: 3, value: "9h" }] }),
    encoded: {
      _tag: "InvalidConfig",
      problems: [{ ...problem, source: "ryker.toml", line: 3, value: "9h" }]
    },
    tells: ["none of which was applied", "defaults.deadline", "RYKER_DEFAULT_DEADLINE", "ryker.toml, line 3", '"9h"'],
    advises: /10ms to 1m: write it like 1s/
  },
  "InvalidConfig without a value": {
    error: new InvalidConfig({ problems: [{ ...problem, key: "", environment: "", source: "ryker.toml" }] }),
    encoded: { _tag: "InvalidConfig", problems: [{ ...problem, key: "", environment: "", source: "ryker.toml" }] },
    tells: ["none of which was applied", "in ryker.toml must be"],
    advises: /10ms to 1m: write it like 1s/
  },
  ...Object.fromEntries(
    (["DuplicateName", "Timeout", "Defect", "NotRunning", "NotSupervised"] as const).map((reason): [string, Sample] => [
      `StartError for ${reason}`,
      {
        error: new StartError({ actor, reason, detail: "build was not done after 5000 ms: raise startTimeout" }),
        encoded: { _tag: "StartError", actor, reason, detail: "build was not done after 5000 ms: raise startTimeout" },
        tells: [actor, "did not start", reason, "5000 ms"],
        advises: /raise startTimeout/
      }
    ])
  ),
  SupervisorStartError: {
    error: new SupervisorStartError({ supervisor: "Bank", child: actor, cause: new Error("the vault is shut") }),
    encoded: {
      _tag: "SupervisorStartError",
      supervisor: "Bank",
      child: actor,
      cause: { name: "Error", message: "the vault is shut" }
    },
    tells: ["Bank", "did not start", actor, "Error"],
    advises: /see the cause, and the log/
  },
  ...Object.fromEntries(
    (["NotFound", "Running", "Restarting", "NotRunning"] as const).map((reason): [string, Sample] => [
      `ChildError for ${reason}`,
      {
        error: new ChildError({ supervisor: "Bank", child: actor, reason }),
        encoded: { _tag: "ChildError", supervisor: "Bank", child: actor, reason },
        tells: reason === "NotRunning" ? ["Bank"] : ["Bank", actor],
        advises: childAdvice[reason]
      }
    ])
  ),
  RootFailure: {
    error: new RootFailure({ actor }),
    encoded: { _tag: "RootFailure", actor },
    tells: [actor, "nothing is above it"],
    advises: /see its log, mend the cause, start the program anew/
  }
}

const encode = Schema.encodeUnknownSync(AnyError)
const decode = Schema.decodeUnknownSync(AnyError)

describe("RykerError", () => {
  describe.each(Object.entries(samples))("%s", (_name, { advises, encoded, error, tells }) => {
    it("encodes to plain data and nothing else, and decodes from JSON to what it was", () => {
      assert.deepStrictEqual(encode(error), encoded)
      const decoded = decode(JSON.parse(JSON.stringify(encode(error))))
      assert.strictEqual(decoded.constructor, error.constructor)
      assert.deepStrictEqual(encode(decoded), encoded)
      assert.strictEqual(decoded.message, error.message)
      assert.strictEqual(decoded._tag, error._tag)
    })

    it("says where, what, the value and its limit, and what to do", () => {
      for (const part of tells) assert.include(error.message, part)
      // The advice follows what happened, and is not a word of the address.
      assert.match(error.message.replaceAll(actor, "it").split(": ").slice(1).join(": "), advises)
    })

    it("is one line that says nothing of itself that is undefined", () => {
      assert.notMatch(error.message, /undefined|NaN|\[object|\n/)
      assert.isAtMost(error.message.length, 200)
    })

    it("is shown by its message wherever errors are shown", () => {
      assert.instanceOf(error, Error)
      for (const shown of [String(error), error.stack ?? "", Cause.pretty(Cause.fail(error))]) {
        assert.include(shown, error.message)
      }
    })

    it.effect("can be yielded, and caught by its tag alone", () =>
      Effect.gen(function* () {
        const failing: Effect.Effect<never, AnyError> = Effect.gen(function* () {
          return yield* error
        })
        const caught = yield* Effect.catchTag(failing, error._tag, (error) => Effect.succeed(error.message))
        assert.strictEqual(caught, error.message)
      })
    )
  })

  it("has a sample of each class, and a tag of its own for each", () => {
    const tags = new Set(Object.values(samples).map(({ error }) => error._tag))
    const classes = Object.values(RykerError).filter(
      (value) => "prototype" in value && value.prototype instanceof Error
    )
    assert.strictEqual(tags.size, classes.length)
    assert.strictEqual(AnyError.members.length, classes.length)
    for (const { encoded, error } of Object.values(samples)) assert.strictEqual(error._tag, encoded._tag)
  })

  it("lists several problems with settings, each in a line of its own", () => {
    const problems = [problem, { ...problem, key: "defaults.mailbox_capacity" }]
    const lines = new InvalidConfig({ problems }).message.split("\n")
    assert.lengthOf(lines, 3)
    assert.match(lines[0]!, /^2 problems .*:$/)
    assert.match(lines[1]!, /^- defaults\.deadline /)
    assert.match(lines[2]!, /^- defaults\.mailbox_capacity /)
  })

  it("marks a failure of the root as reported, as the log has it already: runMain does not log it again", () => {
    assert.isFalse(new RootFailure({ actor })[Runtime.errorReported])
    const others = Object.values(samples).filter(({ error }) => error._tag !== "RootFailure")
    for (const { error } of others) assert.notProperty(error, Runtime.errorReported)
  })

  it("refuses to decode what is not one of its errors", () => {
    const good = samples["Busy of a mailbox"]!.encoded
    for (const bad of [
      { ...good, _tag: "Lazy" },
      { ...good, actor: 7 },
      { ...good, limit: "patience" },
      { ...good, capacity: 1.5 },
      { ...good, capacity: undefined },
      { _tag: "Stopped", actor, reason: "Tired" },
      { _tag: "ChildError", supervisor: "Bank", child: actor, reason: "Lost" },
      { _tag: "Crashed", actor, request, incarnation: 1, sibling: 7 },
      { _tag: "RootFailure" },
      { _tag: "InvalidConfig", problems: [{ key: "defaults.deadline" }] },
      { _tag: "Stopped", actor, reason: "Closed", phase: "asleep" },
      { _tag: "Timeout", actor, request, phase: "asleep", millis: 1 },
      { _tag: "Timeout", actor, request, phase: "queued", millis: "soon" },
      null
    ]) {
      assert.throws(() => decode(bad))
    }
  })
})

// --- Payloads -----------------------------------------------------------------------------------------------------------

const secret = "s3cr3t"

class Vault extends Actor.Service<Vault>()(
  "Vault",
  [
    Rpc.make("Keep", { payload: { text: Schema.String, n: Schema.Finite } }),
    Rpc.make("Hang", { payload: { text: Schema.String } }),
    Rpc.make("Break", { payload: { text: Schema.String } }),
    Rpc.make("Mirror", { payload: { text: Schema.String }, success: Deadlock })
  ],
  { validate: "always" }
) {}

const vaultLayer = (options: Actor.Options) =>
  Vault.toLayer(
    {
      Keep: () => Effect.void,
      Hang: () => Effect.never,
      Break: ({ text }) => Effect.die(new Error(`cannot break ${text}`, { cause: text })),
      Mirror: ({ text }) =>
        Effect.gen(function* () {
          const self = yield* Vault
          const error = yield* Effect.orDie(Effect.flip(self.ask.Mirror({ text })))
          return error._tag === "Deadlock" ? error : yield* Effect.die(error)
        })
    },
    options
  )

/** All that can be seen of an error, however one looks at it. */
const everythingOf = (error: AnyError): string =>
  [
    error.message,
    error.stack ?? "",
    JSON.stringify(error),
    JSON.stringify(encode(error)),
    inspect(error, { depth: 10, showHidden: true }),
    Cause.pretty(Cause.fail(error))
  ].join("\n")

describe("An error holds nothing of the payload", () => {
  const check = (error: AnyError, tag: AnyError["_tag"]): void => {
    assert.strictEqual(error._tag, tag)
    assert.notInclude(everythingOf(error), secret)
  }

  it.effect("when the message was refused, timed out, or crashed the actor", () =>
    Effect.gen(function* () {
      const vault = yield* Vault
      check(yield* Effect.flip(vault.ask.Keep({ text: secret.repeat(100), n: 1 })), "TooLarge")
      check(yield* Effect.flip(vault.tell.Keep({ text: secret, n: Number.NaN })), "InvalidMessage")
      // @ts-expect-error the compiler would not let it through
      check(yield* Effect.flip(vault.ask.Keep({ text: { secret }, [secret]: 1 })), "InvalidMessage")
      check(
        yield* Effect.flip(Actor.dispatch(vault, { tag: "Keep", payload: { text: [secret], n: secret } })),
        "InvalidMessage"
      )
      check(yield* Effect.flip(vault.ask.Break({ text: secret })), "Crashed")
      yield* TestClock.adjust("1 second")

      const running = yield* Effect.forkChild(Effect.flip(vault.ask.Hang({ text: secret })), { startImmediately: true })
      yield* TestClock.adjust(1)
      const queued = yield* Effect.forkChild(Effect.flip(vault.ask.Hang({ text: secret }, { deadline: "1 milli" })), {
        startImmediately: true
      })
      check(yield* Effect.flip(vault.ask.Hang({ text: secret })), "Busy")
      yield* TestClock.adjust("1 second")
      check(yield* Fiber.join(queued), "Timeout")
      check(yield* Fiber.join(running), "Timeout")
      yield* Actor.stop(vault)
      check(yield* Effect.flip(vault.ask.Hang({ text: secret })), "Stopped")
    }).pipe(withActors(vaultLayer({ capacity: 1, maxMessageBytes: 100 })))
  )

  it.effect("when an actor asks itself", () =>
    Effect.gen(function* () {
      const vault = yield* Vault
      check(yield* vault.ask.Mirror({ text: secret }), "Deadlock")
    }).pipe(withActors(vaultLayer({})))
  )

  it.effect("when a build died of what it was given", () =>
    Effect.gen(function* () {
      const build = Effect.die(new Error(secret, { cause: secret }))
      check(yield* Effect.flip(Effect.scoped(Actor.spawn(Vault, build))), "StartError")
      check(yield* Effect.flip(Effect.scoped(Actor.spawn(Vault, Effect.die(secret)))), "StartError")
    }).pipe(withActors(vaultLayer({})))
  )

  it("in the message of a failed start: of what its child failed with, the class alone", () => {
    class Leaky extends Schema.TaggedError<Leaky>()("Leaky", { text: Schema.String }) {}
    for (const cause of [new Leaky({ text: secret }), new TypeError(secret), secret, { secret }, null]) {
      const error = new SupervisorStartError({ supervisor: "Bank", child: "Vault", cause })
      assert.notInclude(error.message, secret)
      assert.notInclude(String(error), secret)
      assert.strictEqual(error.cause, cause)
    }
    const leaky = new SupervisorStartError({ supervisor: "Bank", child: "Vault", cause: new Leaky({ text: secret }) })
    assert.include(leaky.message, "failed with Leaky")
  })

  it.effect("when a mailbox without an actor refused it", () =>
    Effect.gen(function* () {
      const jobs = yield* Mailbox.make<string>({ capacity: 1, maxMessageBytes: 20 })
      check(yield* Effect.flip(Mailbox.offer(jobs, secret.repeat(10))), "TooLarge")
      yield* Mailbox.offer(jobs, secret)
      check(yield* Effect.flip(Mailbox.offer(jobs, secret)), "Busy")
      check(yield* Effect.flip(Mailbox.offerWait(jobs, secret, { deadline: 0 })), "Timeout")
      yield* Mailbox.close(jobs)
      check(yield* Effect.flip(Mailbox.offer(jobs, secret)), "Stopped")
    })
  )
})
