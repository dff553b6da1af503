import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import type { Call, Outcome } from "../../src/testing/History.ts"
import * as Linearizable from "../../src/testing/Linearizable.ts"
import {
  answer,
  bag,
  callsOf,
  counter,
  deq,
  enq,
  explains,
  invoke,
  isLinearizable,
  keepsTime,
  lose,
  queue,
  read,
  refuse,
  register,
  simulate,
  write
} from "./histories.ts"

/** The order that was found, as the numbers of its calls. */
const orderOf = <Op, Result>(
  verdict: Linearizable.Verdict<Op, Result>,
  calls: ReadonlyArray<Call<Op, Result>>
): ReadonlyArray<number> => (verdict._tag === "Linearizable" ? verdict.order.map((call) => calls.indexOf(call)) : [])

const failureOf = <Op, Result>(verdict: Linearizable.Verdict<Op, Result>): Linearizable.NotLinearizable<Op, Result> => {
  if (verdict._tag !== "NotLinearizable") throw new Error(Linearizable.format(verdict))
  return verdict
}

describe("Linearizable", () => {
  it("a history without calls is linearizable", () => {
    assert.deepStrictEqual(Linearizable.check(counter, []), { _tag: "Linearizable", order: [], states: 0 })
  })

  describe("the queues of Herlihy and Wing, 1990, Figure 1", () => {
    it("H1: of two that were put in at the same time, either comes out first", () => {
      const calls = callsOf([
        invoke("A", enq("x")),
        invoke("B", enq("y")),
        answer("B", undefined),
        answer("A", undefined),
        invoke("B", deq),
        answer("B", "x"),
        invoke("A", deq),
        answer("A", "y"),
        invoke("A", enq("z"))
      ])
      assert.deepStrictEqual(orderOf(Linearizable.check(queue, calls), calls), [0, 1, 2, 3])
    })

    it("H2: of two that were put in one after the other, the second doesn't come out first", () => {
      const calls = callsOf([
        invoke("A", enq("x")),
        answer("A", undefined),
        invoke("B", enq("y")),
        invoke("A", deq),
        answer("B", undefined),
        answer("A", "y")
      ])
      const failure = failureOf(Linearizable.check(queue, calls))
      assert.deepStrictEqual(failure.stuck, [{ call: calls[2]!, expected: ["x"] }])
    })

    it("H3: what is being put in may come out already", () => {
      const calls = callsOf([invoke("A", enq("x")), invoke("B", deq), answer("B", "x")])
      assert.deepStrictEqual(orderOf(Linearizable.check(queue, calls), calls), [0, 1])
    })

    it("H4: nothing comes out twice", () => {
      const calls = callsOf([
        invoke("A", enq("x")),
        invoke("B", enq("y")),
        answer("A", undefined),
        answer("B", undefined),
        invoke("A", deq),
        invoke("C", deq),
        answer("A", "y"),
        answer("C", "y")
      ])
      const failure = failureOf(Linearizable.check(queue, calls))
      assert.deepStrictEqual(
        failure.stuck.map(({ call, expected }) => [call.process, expected]),
        [["C", ["x"]]]
      )
    })
  })

  describe("a register", () => {
    it("may give the old or the new value while it is written", () => {
      for (const value of [0, 1]) {
        const calls = callsOf([invoke("a", write(1)), invoke("b", read), answer("b", value), answer("a", undefined)])
        assert.strictEqual(Linearizable.check(register, calls)._tag, "Linearizable")
      }
    })

    it("doesn't give the old value after another reader has seen the new one (a new-old inversion)", () => {
      const calls = callsOf([
        invoke("a", write(1)),
        invoke("b", read),
        answer("b", 1),
        invoke("c", read),
        answer("c", 0),
        answer("a", undefined)
      ])
      const failure = failureOf(Linearizable.check(register, calls))
      // That the write was answered later doesn't matter.
      assert.deepStrictEqual(
        failure.calls.map(({ outcome }) => outcome._tag),
        ["Unanswered", "Answered", "Answered"]
      )
      assert.deepStrictEqual(failure.stuck, [{ call: calls[2]!, expected: [1] }])
      assert.deepStrictEqual(
        failure.order.map(({ process }) => process),
        ["a", "b"]
      )
    })

    it("is read at any time of a long read, and what fails is placed after the rest", () => {
      const calls = callsOf([
        invoke("a", read),
        invoke("b", write(1)),
        answer("b", undefined),
        invoke("b", write(2)),
        answer("b", undefined),
        answer("a", 9)
      ])
      const failure = failureOf(Linearizable.check(register, calls))
      assert.deepStrictEqual(failure.order, [calls[1]!, calls[2]!])
      assert.deepStrictEqual(failure.stuck, [{ call: calls[0]!, expected: [2] }])
    })

    it("doesn't give a value that nobody wrote", () => {
      const calls = callsOf([invoke("a", read), answer("a", 7)])
      assert.deepStrictEqual(failureOf(Linearizable.check(register, calls)).stuck, [{ call: calls[0]!, expected: [0] }])
    })

    it("a stale read after the write is not linearizable, though it is sequentially consistent", () => {
      const calls = callsOf([invoke("a", write(1)), answer("a", undefined), invoke("b", read), answer("b", 0)])
      assert.isTrue(explains(register, calls.toReversed()))
      assert.strictEqual(Linearizable.check(register, calls)._tag, "NotLinearizable")
    })
  })

  describe("a counter", () => {
    it("two that are answered the same are a lost update", () => {
      const calls = callsOf([invoke("a", "inc" as const), invoke("b", "inc" as const), answer("a", 1), answer("b", 1)])
      assert.deepStrictEqual(failureOf(Linearizable.check(counter, calls)).stuck, [{ call: calls[1]!, expected: [2] }])
    })
  })

  describe("a call that was not answered", () => {
    const lostWrite = (value: number) =>
      callsOf([invoke("a", write(1)), lose("a"), invoke("b", read), answer("b", value)])

    it("may have taken effect, or not", () => {
      for (const value of [0, 1]) {
        assert.strictEqual(Linearizable.check(register, lostWrite(value))._tag, "Linearizable")
      }
    })

    it("is in the order only when it must have taken effect", () => {
      assert.deepStrictEqual(orderOf(Linearizable.check(register, lostWrite(0)), lostWrite(0)).length, 1)
      const calls = lostWrite(1)
      assert.deepStrictEqual(orderOf(Linearizable.check(register, calls), calls), [0, 1])
    })

    it("may take effect after others have begun and ended", () => {
      const calls = callsOf([
        invoke("a", write(1)),
        lose("a"),
        invoke("b", read),
        answer("b", 0),
        invoke("c", read),
        answer("c", 1)
      ])
      assert.deepStrictEqual(orderOf(Linearizable.check(register, calls), calls), [1, 0, 2])
    })

    it("takes effect once at most", () => {
      const calls = callsOf([
        invoke("a", write(1)),
        lose("a"),
        invoke("b", read),
        answer("b", 1),
        invoke("b", write(0)),
        answer("b", undefined),
        invoke("b", read),
        answer("b", 1)
      ])
      assert.deepStrictEqual(failureOf(Linearizable.check(register, calls)).stuck, [{ call: calls[3]!, expected: [0] }])
    })

    it("takes no effect before it has begun", () => {
      const calls = callsOf([invoke("b", read), answer("b", 1), invoke("a", write(1)), lose("a")])
      assert.strictEqual(Linearizable.check(register, calls)._tag, "NotLinearizable")
    })

    it("each of several that are the same counts for itself", () => {
      const lost = ["a", "b", "c"].flatMap((process) => [invoke(process, "inc" as const), lose(process)])
      const after = (result: number) => callsOf([...lost, invoke("d", "inc" as const), answer("d", result)])
      for (const result of [1, 2, 3, 4]) {
        assert.strictEqual(orderOf(Linearizable.check(counter, after(result)), after(result)).length, result)
      }
      assert.deepStrictEqual(failureOf(Linearizable.check(counter, after(5))).stuck[0]?.expected, [1, 2, 3, 4])
    })

    it("forty of them that are the same are no burden", () => {
      const lost = Array.from({ length: 40 }, (_, index) => `p${index}`)
      const calls = callsOf([
        ...lost.flatMap((process) => [invoke(process, "inc" as const), lose(process)]),
        invoke("z", "inc" as const),
        answer("z", 99)
      ])
      // So many of them may have taken effect: none to all.
      assert.strictEqual(failureOf(Linearizable.check(counter, calls)).states, 41)
    })
  })

  it("a call that was refused took no effect", () => {
    const calls = (value: number) =>
      callsOf([invoke("a", write(1)), refuse("a"), invoke("b", read), answer("b", value)])
    assert.deepStrictEqual(orderOf(Linearizable.check(register, calls(0)), calls(0)).length, 1)
    assert.strictEqual(Linearizable.check(register, calls(1))._tag, "NotLinearizable")
  })

  it("calls may come in any order", () => {
    const calls = callsOf([invoke("a", write(1)), answer("a", undefined), invoke("b", read), answer("b", 1)])
    assert.deepStrictEqual(Linearizable.check(register, calls.toReversed()), Linearizable.check(register, calls))
  })

  describe("a model", () => {
    it("may allow several answers", () => {
      const puts = ["x", "y", "z"].flatMap((value) => [invoke("a", enq(value)), answer("a", undefined)])
      const taken = (values: ReadonlyArray<string>) =>
        callsOf([...puts, ...values.flatMap((value) => [invoke("b", deq), answer("b", value)])])
      assert.strictEqual(Linearizable.check(bag, taken(["y", "z", "x"]))._tag, "Linearizable")
      const failure = failureOf(Linearizable.check(bag, taken(["y", "y", "x"])))
      assert.deepStrictEqual(failure.stuck[0]?.expected, ["x", "z"])
    })

    it("is quoted once where it gives the same answer in several ways", () => {
      const calls = callsOf([
        ...["x", "x"].flatMap((value) => [invoke("a", enq(value)), answer("a", undefined)]),
        invoke("b", deq),
        answer("b", "y")
      ])
      assert.deepStrictEqual(failureOf(Linearizable.check(bag, calls)).stuck[0]?.expected, ["x"])
    })

    it("may say that an operation is not possible", () => {
      const calls = callsOf([invoke("a", deq), answer("a", "x")])
      assert.deepStrictEqual(failureOf(Linearizable.check(queue, calls)).stuck, [{ call: calls[0]!, expected: [] }])
    })

    it("may compare answers in its own way", () => {
      const calls = callsOf([invoke("a", "inc" as const), answer("a", 101)])
      const clock = { ...counter, allows: (expected: number, actual: number) => actual % 100 === expected }
      assert.strictEqual(Linearizable.check(counter, calls)._tag, "NotLinearizable")
      assert.strictEqual(Linearizable.check(clock, calls)._tag, "Linearizable")
    })

    it("may say which operations are reads, and the answer is the same", () => {
      const { isRead: _, ...unmarked } = register
      for (let seed = 1; seed <= 100; seed++) {
        const calls = simulate(register, {
          seed,
          processes: 4,
          calls: 20,
          op: (random, index) => (random() < 0.5 ? read : write(index)),
          lost: 0.1
        })
        // Half of them with a wrong answer.
        const last = calls.findLastIndex(({ op, outcome }) => op._tag === "Read" && outcome._tag === "Answered")
        const changed = calls.map((call, index): typeof call =>
          index === last && seed % 2 === 0 ? { ...call, outcome: { _tag: "Answered", result: -1 } } : call
        )
        const [one, other] = [Linearizable.check(register, changed), Linearizable.check(unmarked, changed)]
        assert.strictEqual(one._tag, other._tag, `seed ${seed}`)
        if (one._tag === "NotLinearizable" && other._tag === "NotLinearizable") {
          assert.deepStrictEqual(one.calls, other.calls, `seed ${seed}`)
          assert.isAtMost(one.states, other.states, `seed ${seed}`)
        }
      }
    })

    it("may name states alike that differ in what doesn't matter, and fewer are searched", () => {
      const logging: Linearizable.Model<ReadonlyArray<number>, number, number> = {
        initial: [],
        step: (log, op) => ({ state: [...log, op], result: 0 })
      }
      const events = [1, 2, 3, 4].map((op) => invoke(`p${op}`, op))
      const calls = [
        ...callsOf([...events, ...events.map(({ process }) => answer(process, 0))]),
        ...callsOf([invoke("z", 5), answer("z", 7)]).map((call) => ({ ...call, invoked: 100, returned: 101 }))
      ]
      assert.strictEqual(failureOf(Linearizable.check({ ...logging, key: (log) => log.length }, calls)).states, 16)
      assert.strictEqual(failureOf(Linearizable.check(logging, calls)).states, 65)
    })

    it("may name its states, and the answer is the same", () => {
      for (let seed = 1; seed <= 50; seed++) {
        const calls = simulate(queue, {
          seed,
          processes: 4,
          calls: 20,
          prompt: 0.5,
          op: (random, index) => (random() < 0.6 ? enq(`v${index}`) : deq)
        })
        const limit = { maxStates: 2_000 }
        assert.deepStrictEqual(
          Linearizable.check({ ...queue, key: (state) => state.join() }, calls, limit),
          Linearizable.check(queue, calls, limit)
        )
      }
    })
  })

  // --- Parts ------------------------------------------------------------------------------------------------------------

  interface StoreOp {
    readonly key: string
    readonly value?: number
  }
  const store: Linearizable.Model<{ readonly [key: string]: number }, StoreOp, number | void> = {
    initial: {},
    step: (state, { key, value }) =>
      value === undefined
        ? { state, result: state[key] ?? 0 }
        : { state: { ...state, [key]: value }, result: undefined }
  }
  const partitioned = {
    ...store,
    partition: ({ key }: StoreOp) => key,
    isRead: ({ value }: StoreOp) => value === undefined
  }
  const storeOps = (keys: number) => (random: () => number, index: number) => {
    const key = `k${Math.floor(random() * keys)}`
    return random() < 0.5 ? { key } : { key, value: index }
  }

  describe("a model with parts", () => {
    it("names the part that fails, and shows its calls alone", () => {
      const calls = callsOf([
        invoke("a", { key: "x", value: 1 }),
        answer("a", undefined),
        invoke("a", { key: "y", value: 2 }),
        answer("a", undefined),
        invoke("b", { key: "x" }),
        answer("b", 1),
        invoke("b", { key: "y" }),
        answer("b", 1)
      ])
      const failure = failureOf(Linearizable.check(partitioned, calls))
      assert.strictEqual(failure.part, "y")
      assert.deepStrictEqual(failure.calls, [calls[1]!, calls[3]!])
    })

    it("gives one order for all, which the whole model explains", () => {
      for (let seed = 1; seed <= 100; seed++) {
        const calls = simulate(store, { seed, processes: 5, calls: 40, op: storeOps(3), lost: 0.1 })
        const verdict = Linearizable.check(partitioned, calls)
        assert.strictEqual(verdict._tag, "Linearizable", `seed ${seed}`)
        if (verdict._tag !== "Linearizable") return
        assert.isTrue(keepsTime(verdict.order), `seed ${seed}`)
        assert.isTrue(explains(store, verdict.order), `seed ${seed}`)
      }
    })

    it("a failure counts for more than a part that is too large", () => {
      const large = Array.from({ length: 8 }, (_, index) => invoke(`p${index}`, { key: "large", value: index }))
      const answers = large.map(({ process }) => answer(process, undefined))
      const calls = callsOf([
        ...large,
        ...answers,
        invoke("a", { key: "large" }),
        answer("a", 99),
        invoke("a", { key: "small" }),
        answer("a", 99)
      ])
      const limit = { maxStates: 20 }
      assert.strictEqual(Linearizable.check(partitioned, calls.slice(0, -1), limit)._tag, "GaveUp")
      assert.strictEqual(failureOf(Linearizable.check(partitioned, calls, limit)).part, "small")
    })
  })

  // --- Limits -----------------------------------------------------------------------------------------------------------

  describe("the limit", () => {
    const concurrent = (count: number, last: number) => {
      const writes = Array.from({ length: count }, (_, index) => invoke(`p${index}`, write(index + 1)))
      const answers = writes.map(({ process }) => answer(process, undefined))
      return callsOf([...writes, ...answers, invoke("r", read), answer("r", last)])
    }

    it("is the number of states, and the search says how far it came", () => {
      const verdict = Linearizable.check(register, concurrent(12, 99), { maxStates: 1000 })
      assert.deepStrictEqual(verdict, { _tag: "GaveUp", part: undefined, maxStates: 1000, placed: 12, answered: 13 })
      assert.strictEqual(
        Linearizable.format(verdict),
        "Gave up: 1000 states were searched (maxStates), and at most 12 of 13 answered calls placed. " +
          "Record fewer calls or fewer that stay unanswered, give the model a partition, or raise maxStates."
      )
    })

    it("as many states as the limit are enough for a search that needs as many", () => {
      const calls = concurrent(5, 99)
      // Each set of the writes with each of them as the last one, and none at all.
      const states = 5 * 2 ** 4 + 1
      assert.strictEqual(failureOf(Linearizable.check(register, calls, { maxStates: states })).states, states)
      assert.strictEqual(Linearizable.check(register, calls, { maxStates: states - 1 })._tag, "GaveUp")
    })

    it("the shortest beginning is found where only the whole fits into the limit, or a longer one given", () => {
      const calls = concurrent(5, 99)
      const failure = failureOf(Linearizable.check(register, calls, { maxStates: 81 }))
      assert.strictEqual(failure.calls.length, 6)
    })

    it("twelve processes with a hundred calls each are far below the default", () => {
      for (let seed = 1; seed <= 5; seed++) {
        const some = { seed, processes: 12, calls: 1200 }
        const found = [
          // Answered long after they had their effect.
          Linearizable.check(
            register,
            simulate(register, { ...some, op: (random, index) => (random() < 0.5 ? read : write(index)) })
          ),
          Linearizable.check(counter, simulate(counter, { ...some, op: () => "inc" as const, lost: 0.01 })),
          Linearizable.check(partitioned, simulate(store, { ...some, op: storeOps(8) })),
          // Answered at once, as actors do.
          Linearizable.check(
            queue,
            simulate(queue, { ...some, prompt: 1, op: (_, index) => (index % 2 === 0 ? enq(`v${index}`) : deq) })
          )
        ].map((verdict) => (verdict._tag === "Linearizable" ? verdict.states : verdict._tag))
        for (const states of found) assert.isBelow(Number(states), 100_000, `seed ${seed}: ${found.join()}`)
      }
    })

    it("twelve processes of which one is answered wrong are found out below the default", () => {
      for (let seed = 1; seed <= 5; seed++) {
        const calls = simulate(store, { seed, processes: 12, calls: 600, op: storeOps(8) })
        const wrong = calls.findIndex(
          ({ op, outcome }, index) => index > 300 && op.value === undefined && outcome._tag === "Answered"
        )
        const changed = calls.with(wrong, { ...calls[wrong]!, outcome: { _tag: "Answered", result: -1 } })
        const failure = failureOf(Linearizable.check(partitioned, changed))
        // The wrong answer is the last thing that is needed to see it.
        assert.strictEqual(failure.stuck.map(({ call }) => call).at(-1), changed[wrong], `seed ${seed}`)
      }
    })
  })

  // --- Against all permutations -----------------------------------------------------------------------------------------

  const int = (minimum: number, maximum: number) =>
    Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

  const anyCall = Arbitrary.all({
    op: int(0, 3),
    result: int(0, 2),
    one: int(0, 12),
    other: int(0, 12),
    end: int(0, 5)
  })
  const anyHistory = Arbitrary.array(anyCall, { maxLength: 5 })

  const outcomeOf = <Result>(end: number, result: Result): Outcome<Result> => {
    if (end === 0) return { _tag: "Unanswered", reason: "Timeout" }
    return end === 1 ? { _tag: "Refused", reason: "Busy" } : { _tag: "Answered", result }
  }

  /** Events in the order of their numbers, no two at the same time. */
  const historyOf = <Op, Result>(
    drawn: ReadonlyArray<{ op: number; result: number; one: number; other: number; end: number }>,
    toCall: (op: number, result: number) => readonly [Op, Result]
  ): ReadonlyArray<Call<Op, Result>> =>
    drawn.map((it, index) => {
      const [op, result] = toCall(it.op, it.result)
      const times = [it.one + index / 100, it.other + index / 100 + 0.005].toSorted((a, b) => a - b)
      return { process: `p${index}`, op, invoked: times[0]!, returned: times[1]!, outcome: outcomeOf(it.end, result) }
    })

  const agree = <State, Op, Result>(
    model: Linearizable.Model<State, Op, Result>,
    calls: ReadonlyArray<Call<Op, Result>>
  ) => {
    const verdict = Linearizable.check(model, calls)
    assert.strictEqual(verdict._tag, isLinearizable(model, calls) ? "Linearizable" : "NotLinearizable")
    if (verdict._tag === "Linearizable") {
      assert.isTrue(keepsTime(verdict.order))
      assert.isTrue(explains(model, verdict.order))
      return
    }
    // The beginning fails, and without its last return it doesn't.
    const { calls: beginning, order, stuck } = failureOf(verdict)
    assert.isFalse(isLinearizable(model, beginning))
    const last = Math.max(...beginning.map(({ outcome, returned }) => (outcome._tag === "Answered" ? returned : 0)))
    const shorter = beginning.map((call): Call<Op, Result> =>
      call.returned === last ? { ...call, outcome: { _tag: "Unanswered", reason: "running" } } : call
    )
    assert.isTrue(isLinearizable(model, shorter))
    assert.isTrue(keepsTime(order) && explains(model, order))
    assert.isAbove(stuck.length, 0)
    assert.isFalse(stuck.some(({ call }) => order.includes(call)))
  }

  const checks = { arbitrary: { runs: 1000, size: 12 } }

  it.prop(
    "gives what all permutations give, of a register",
    [anyHistory],
    ([drawn]) =>
      agree(
        register,
        historyOf(drawn, (op, result) => (op === 0 ? [write(result), undefined] : [read, result]))
      ),
    checks
  )

  it.prop(
    "gives what all permutations give, of a queue and of a bag",
    [anyHistory],
    ([drawn]) => {
      const calls = historyOf(drawn, (op, result) => (op < 2 ? [enq(`${op}`), undefined] : [deq, `${result}`]))
      agree(queue, calls)
      agree(bag, calls)
    },
    checks
  )

  it.prop(
    "what was made by the model is linearizable, and changed in one answer it is as all permutations say",
    [int(0, 2 ** 31), int(0, 5), int(0, 2)],
    ([seed, changed, value]) => {
      const simulation = {
        seed,
        processes: 3,
        calls: 6,
        op: (random: () => number) => (random() < 0.5 ? read : write(Math.floor(random() * 3))),
        lost: 0.2
      }
      const calls = simulate(register, simulation)
      assert.strictEqual(Linearizable.check(register, calls)._tag, "Linearizable")
      const call = calls[changed]!
      if (call.op._tag === "Read") agree(register, calls.with(changed, { ...call, outcome: outcomeOf(2, value) }))
    },
    { arbitrary: { runs: 300, size: 12 } }
  )

  // --- Rendering --------------------------------------------------------------------------------------------------------

  describe("format", () => {
    it("shows the calls as a timeline, the order so far, and what cannot be placed", () => {
      const calls = callsOf([
        invoke("alice", write(1)),
        invoke("bob", read),
        answer("bob", 1),
        invoke("bob", read),
        answer("bob", 0),
        answer("alice", undefined)
      ])
      const words = {
        ...register,
        showOp: (op: ReturnType<typeof write>) => (op._tag === "Read" ? "read" : `write ${op.value}`),
        showResult: (result: number | void) => `${result ?? "ok"}`
      }
      assert.deepStrictEqual(Linearizable.format(Linearizable.check(words, calls), words).split("\n"), [
        "Not linearizable: no order explains these 3 calls.",
        "",
        "alice  [1------------->",
        "bob       [2-]  [3-]",
        "",
        "1  alice  write 1 -> ? (running)",
        "2  bob    read -> 1",
        "3  bob    read -> 0",
        "",
        "Placed, in this order: 1, 2",
        "Cannot be placed: 3, whose answer would be 1"
      ])
    })

    it("says when an operation was not possible, and names the part", () => {
      const calls = callsOf([invoke("a", deq), answer("a", "x")])
      assert.deepStrictEqual(
        Linearizable.format(Linearizable.check({ ...queue, partition: () => "only" }, calls)).split("\n"),
        [
          "Not linearizable (part only): no order explains this call.",
          "",
          "a  [1-]",
          "",
          '1  a  {"_tag":"Deq"} -> "x"',
          "",
          "Placed, in this order: none",
          "Cannot be placed: 1, which is not possible then"
        ]
      )
    })

    it("shows the end of a long history", () => {
      const calls = simulate(counter, { seed: 1, processes: 3, calls: 100, op: () => "inc" as const })
      const wrong = calls.with(99, { ...calls[99]!, outcome: { _tag: "Answered", result: 7 } })
      const lines = Linearizable.format(Linearizable.check(counter, wrong)).split("\n")
      assert.match(lines[2]!, /^\d\d earlier calls are not shown$/)
      assert.match(lines.at(-2)!, /^Placed, in this order: \.\.\., \d/)
      assert.match(lines.at(-1)!, /^Cannot be placed: 100, whose answer would be \d+/)
      assert.isAtMost(Math.max(...lines.slice(3, 6).map(({ length }) => length)), 3 + 25 * 5)
    })

    it("says how much was searched", () => {
      const calls = callsOf([invoke("a", "inc" as const), answer("a", 1)])
      assert.strictEqual(
        Linearizable.format(Linearizable.check(counter, calls)),
        "Linearizable: 1 calls in order, 2 states searched."
      )
    })
  })
})
