import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Layer, Result, Schema, Scope } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { Deadline, Ryker } from "../../src/index.ts"
import { RequestDeadline } from "../../src/http/index.ts"
import { Quiet, type Seen, Worker, workerLayer } from "./fixtures.ts"

const read = (name: string, text: string) => RequestDeadline.fromHeaders({ [name]: text })

describe("x-request-timeout", () => {
  it.each([
    ["250ms", 250],
    ["1s", 1000],
    ["1.5s", 1500],
    ["2m", 120_000],
    [" 20 ms ", 20],
    ["20MS", 20],
    ["0.5ms", 0.5]
  ])("%j is %d ms", (text, millis) => {
    assert.deepStrictEqual(read("x-request-timeout", text), Result.succeed(millis))
  })

  it.each([
    "",
    " ",
    "0s",
    "0ms",
    "-1s",
    "5",
    "1h",
    "soon",
    "NaNs",
    "Infinitys",
    "1e3s",
    "1s, 2s",
    "1s;q=1",
    "٣s",
    `${"9".repeat(400)}s`,
    "s"
  ])("%j is refused", (text) => {
    assert.isTrue(Result.isFailure(read("x-request-timeout", text)))
  })
})

describe("grpc-timeout", () => {
  it.each([
    ["1H", 3_600_000],
    ["1M", 60_000],
    ["1S", 1000],
    ["100m", 100],
    ["500u", 0.5],
    ["99999999n", 99.999999]
  ])("%j is %d ms", (text, millis) => {
    const result = read("grpc-timeout", text)
    assert.approximately(Result.getOrThrow(result)!, millis, 1e-9)
  })

  it.each(["", "0S", "123456789S", "1", "S", "1s", "1.5S", "-1S", "+1S", "1 S", "1S, 1S", "1SS", "0x1S"])(
    "%j is refused",
    (text) => {
      assert.isTrue(Result.isFailure(read("grpc-timeout", text)))
    }
  )
})

describe("headers", () => {
  it("without a time give none", () => {
    assert.deepStrictEqual(RequestDeadline.fromHeaders({ accept: "*/*" }), Result.succeed(undefined))
  })

  it("that are both there give the shorter time", () => {
    const both = (x: string, grpc: string) =>
      RequestDeadline.fromHeaders({ "x-request-timeout": x, "grpc-timeout": grpc })
    assert.deepStrictEqual(both("2s", "500m"), Result.succeed(500))
    assert.deepStrictEqual(both("200ms", "500m"), Result.succeed(200))
    assert.isTrue(Result.isFailure(both("200ms", "now")))
  })

  it("that are there twice are refused", () => {
    assert.isTrue(Result.isFailure(RequestDeadline.fromHeaders({ "x-request-timeout": ["1s", "1s"] })))
  })

  it.prop(
    "of any content give a time of more than 0, or what is wrong, without the value",
    [Schema.String, Schema.String],
    ([x, grpc]) => {
      const result = RequestDeadline.fromHeaders({ "x-request-timeout": x, "grpc-timeout": grpc })
      if (Result.isSuccess(result)) {
        assert.isAbove(result.success!, 0)
        assert.isTrue(Number.isFinite(result.success!))
      } else {
        assert.match(result.failure, /^(x-request|grpc)-timeout must be /)
      }
    }
  )
})

const requestWith = (headers: Record<string, string>) =>
  HttpServerRequest.fromWeb(new Request("http://localhost/", { headers }))

/** What is left to a request, and its response, when nothing takes any time. */
const leftWith = (headers: Record<string, string>, options?: RequestDeadline.Options) =>
  Effect.gen(function* () {
    let left: number | undefined
    const handler = Effect.map(RequestDeadline.left, (time) => {
      left = Duration.toMillis(time)
      return HttpServerResponse.empty()
    })
    const { status } = yield* RequestDeadline.within(options)(handler).pipe(
      Effect.scoped,
      Effect.provideService(HttpServerRequest.HttpServerRequest, requestWith(headers))
    )
    return { left, status }
  })

describe("a request", () => {
  it.effect("has the time of its header, at most max", () =>
    Effect.gen(function* () {
      const options = { max: "2 seconds", default: "1 second" } as const
      assert.deepStrictEqual(yield* leftWith({ "x-request-timeout": "1.5s" }, options), { left: 1500, status: 204 })
      assert.deepStrictEqual(yield* leftWith({ "grpc-timeout": "1H" }, options), { left: 2000, status: 204 })
    })
  )

  it.effect("without a header has the default, and that is max unless it is given, and never more", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* leftWith({}, { max: "2 seconds", default: "1 second" })).left, 1000)
      assert.strictEqual((yield* leftWith({}, { max: "2 seconds", default: "1 hour" })).left, 2000)
      assert.strictEqual((yield* leftWith({}, { max: "2 seconds" })).left, 2000)
      assert.strictEqual((yield* leftWith({})).left, 60_000)
    })
  )

  it.effect("with nonsense gets 400, and nothing is done", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* leftWith({ "x-request-timeout": "soon" }), { left: undefined, status: 400 })
      assert.deepStrictEqual(yield* leftWith({ "grpc-timeout": "soon" }), { left: undefined, status: 400 })
    })
  )

  it.effect("has no deadline outside", () =>
    Effect.gen(function* () {
      assert.strictEqual(Duration.toMillis(yield* RequestDeadline.left), Number.POSITIVE_INFINITY)
      assert.strictEqual(yield* RequestDeadline.Current, Deadline.none)
    })
  )

  it.effect("that is given to an ask makes the message expire with it", () =>
    Effect.gen(function* () {
      const seen: Seen = { begun: 0, interrupted: 0 }
      const program = Effect.gen(function* () {
        const worker = yield* Worker
        const handler = Effect.gen(function* () {
          yield* Effect.sleep(100)
          const error = yield* Effect.flip(worker.ask.Do({ what: "hang" }, { deadline: yield* RequestDeadline.left }))
          return HttpServerResponse.text(error._tag)
        })
        const fiber = yield* RequestDeadline.within()(handler).pipe(
          Effect.scoped,
          Effect.provideService(HttpServerRequest.HttpServerRequest, requestWith({ "x-request-timeout": "250ms" })),
          Effect.forkChild
        )
        yield* TestClock.adjust(249)
        assert.strictEqual(fiber.pollUnsafe(), undefined)
        assert.deepStrictEqual(seen, { begun: 1, interrupted: 0 })
        yield* TestClock.adjust(1)
        yield* Fiber.await(fiber)
        assert.deepStrictEqual(seen, { begun: 1, interrupted: 1 })
        const [entry] = yield* Ryker.ledger
        assert.strictEqual(entry?.failed, 1)
      })
      yield* Effect.provide(program, workerLayer(seen).pipe(Layer.provideMerge(Ryker.layer)))
    }).pipe(Effect.provide(Quiet))
  )

  it.effect("that is not given to an ask interrupts it all the same, queued or in hand", () =>
    Effect.gen(function* () {
      const seen: Seen = { begun: 0, interrupted: 0 }
      const program = Effect.gen(function* () {
        const worker = yield* Worker
        const serve = (time: string) =>
          worker.ask
            .Do({ what: "hang" })
            .pipe(
              Effect.orDie,
              Effect.as(HttpServerResponse.empty()),
              RequestDeadline.within(),
              Effect.scoped,
              Effect.provideService(HttpServerRequest.HttpServerRequest, requestWith({ "x-request-timeout": time }))
            )
        const [inHand, queued] = [yield* Effect.forkChild(serve("250ms")), yield* Effect.forkChild(serve("100ms"))]
        yield* TestClock.adjust(100)
        assert.strictEqual((yield* Fiber.join(queued)).status, 504)
        const [before] = yield* Ryker.ledger
        assert.deepStrictEqual([before?.dropped.interrupted, before?.queued, before?.inHand], [1, 0, 1])
        yield* TestClock.adjust(150)
        assert.strictEqual((yield* Fiber.join(inHand)).status, 504)
        assert.deepStrictEqual(seen, { begun: 1, interrupted: 1 })
      })
      yield* Effect.provide(program, workerLayer(seen).pipe(Layer.provideMerge(Ryker.layer)))
    }).pipe(Effect.provide(Quiet))
  )
})

describe("a request that cannot be interrupted", () => {
  it.effect("doesn't keep its client waiting", () =>
    Effect.gen(function* () {
      const handler = Effect.as(Effect.uninterruptible(Effect.sleep("1 hour")), HttpServerResponse.empty())
      const scope = yield* Scope.make()
      const fiber = yield* RequestDeadline.within({ max: "1 second" })(handler).pipe(
        Scope.provide(scope),
        Effect.provideService(HttpServerRequest.HttpServerRequest, requestWith({})),
        Effect.forkChild
      )
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(fiber)).status, 504)
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("1 hour")
      yield* Fiber.join(closing)
    })
  )
})

/** What comes after so many milliseconds that cannot be interrupted, and after so many more; within one second. */
const committing = (before: number, after: number) =>
  Effect.gen(function* () {
    const answers: Array<boolean> = []
    const handler = Effect.gen(function* () {
      yield* Effect.sleep(before)
      answers.push(yield* RequestDeadline.commit)
      yield* Effect.sleep(after)
      answers.push(yield* RequestDeadline.commit)
      return HttpServerResponse.empty()
    }).pipe(Effect.uninterruptible)
    const fiber = yield* RequestDeadline.within({ max: "1 second" })(handler).pipe(
      Effect.scoped,
      Effect.map(({ status }) => status),
      Effect.provideService(HttpServerRequest.HttpServerRequest, requestWith({})),
      Effect.forkChild
    )
    return { answers, fiber }
  })

describe("commit", () => {
  it.effect("before the deadline lifts it: the client gets the answer, however late", () =>
    Effect.gen(function* () {
      const { answers, fiber } = yield* committing(999, 60_000)
      yield* TestClock.adjust(60_998)
      assert.strictEqual(fiber.pollUnsafe(), undefined)
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* Fiber.join(fiber), 204)
      // To say it again changes nothing.
      assert.deepStrictEqual(answers, [true, true])
    })
  )

  it.effect("after the deadline says that the client has its answer already", () =>
    Effect.gen(function* () {
      const { answers, fiber } = yield* committing(1001, 0)
      yield* TestClock.adjust(1001)
      assert.strictEqual(yield* Fiber.join(fiber), 504)
      assert.deepStrictEqual(answers, [false, false])
    })
  )

  it.effect("at the same moment as the deadline agrees with the answer that is sent", () =>
    Effect.gen(function* () {
      const { answers, fiber } = yield* committing(1000, 0)
      yield* TestClock.adjust(1000)
      const status = yield* Fiber.join(fiber)
      assert.deepStrictEqual(answers, status === 504 ? [false, false] : [true, true])
    })
  )

  it.effect("is of one request: others keep their deadlines", () =>
    Effect.gen(function* () {
      const [first, second] = [yield* committing(0, 2000), yield* committing(1500, 0)]
      yield* TestClock.adjust(2000)
      assert.strictEqual(yield* Fiber.join(first.fiber), 204)
      assert.strictEqual(yield* Fiber.join(second.fiber), 504)
    })
  )

  it.effect("without a deadline gives true", () =>
    Effect.gen(function* () {
      assert.isTrue(yield* RequestDeadline.commit)
    })
  )
})

describe("the bounds", () => {
  it.effect.each([
    ["max", 0],
    ["max", Number.NaN],
    ["default", -1]
  ] as const)("%s of %d is refused", ([option, value]) =>
    Effect.gen(function* () {
      const layer = RequestDeadline.layer({ [option]: value }).pipe(Layer.provide(HttpRouter.layer))
      const error = yield* Effect.flip(Layer.build(layer))
      assert.deepInclude(error, { _tag: "InvalidOption", owner: "RequestDeadline", option })
    })
  )
})
