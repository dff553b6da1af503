import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import { MailboxCore } from "../../src/internal/mailboxCore.ts"

/** Messages are told apart by who they are, as envelopes are. */
interface Message {
  readonly n: number
}

const message = (n: number): Message => ({ n })
const numbers = (messages: ReadonlyArray<Message>): ReadonlyArray<number> => messages.map(({ n }) => n)

/** A full one, and what it holds. */
const filled = (capacity: number) => {
  const core = new MailboxCore<Message>(capacity)
  const queued = Array.from({ length: capacity }, (_, n) => message(n))
  const results = new Set(queued.map((message) => core.offer(message)))
  assert.deepStrictEqual([...results], [true])
  return { core, queued }
}

/** What there is to take, in order. */
const takeAll = (core: MailboxCore<Message>): ReadonlyArray<number> => {
  const taken: Array<Message> = []
  for (let next = core.take(); next !== undefined; next = core.take()) taken.push(next)
  return numbers(taken)
}

describe("MailboxCore", () => {
  it("takes in as many as fit, refuses the next, and gives them out in order", () => {
    const { core } = filled(3)
    assert.isFalse(core.offer(message(9)))
    assert.strictEqual(core.depth, 3)
    assert.strictEqual(core.take()?.n, 0)
    assert.strictEqual(core.depth, 2)
    assert.isTrue(core.offer(message(3)))
    assert.isFalse(core.offer(message(9)))
    assert.deepStrictEqual(takeAll(core), [1, 2, 3])
    assert.isUndefined(core.take())
    assert.strictEqual(core.depth, 0)
  })

  describe("withdraw", () => {
    for (const [which, place] of [
      ["the oldest", 0],
      ["one in the middle", 2],
      ["the newest", 4]
    ] as const) {
      it(`takes ${which} out, and leaves the others in order`, () => {
        const { core, queued } = filled(5)
        core.withdraw(queued[place]!)
        assert.strictEqual(core.depth, 4)
        assert.deepStrictEqual(
          takeAll(core),
          [0, 1, 2, 3, 4].filter((n) => n !== place)
        )
        assert.strictEqual(core.depth, 0)
      })
    }

    it("frees exactly one place, also at full capacity, and the newcomer goes to the end", () => {
      const { core, queued } = filled(4)
      core.withdraw(queued[1]!)
      assert.isTrue(core.offer(message(4)))
      assert.strictEqual(core.depth, 4)
      assert.isFalse(core.offer(message(9)))
      assert.deepStrictEqual(takeAll(core), [0, 2, 3, 4])
    })

    it("and offering in turns at full capacity never takes in more than fits, nor loses any", () => {
      const { core, queued } = filled(8)
      for (let n = 8; n < 500; n++) {
        const [gone] = queued.splice((n * 5) % 8, 1)
        core.withdraw(gone!)
        const next = message(n)
        queued.push(next)
        assert.isTrue(core.offer(next))
        assert.isFalse(core.offer(message(-1)))
        assert.strictEqual(core.depth, 8)
      }
      assert.deepStrictEqual(takeAll(core), numbers(queued))
    })

    it("between takes counts neither twice nor not at all", () => {
      const { core, queued } = filled(6)
      core.withdraw(queued[1]!)
      assert.strictEqual(core.take()?.n, 0)
      assert.strictEqual(core.depth, 4)
      assert.strictEqual(core.take()?.n, 2)
      core.withdraw(queued[3]!)
      core.withdraw(queued[4]!)
      assert.strictEqual(core.depth, 1)
      assert.strictEqual(core.take()?.n, 5)
      assert.strictEqual(core.depth, 0)
    })

    it("of one that was withdrawn already frees no second place", () => {
      const { core, queued } = filled(3)
      core.withdraw(queued[0]!)
      core.withdraw(queued[0]!)
      assert.strictEqual(core.depth, 2)
      assert.isTrue(core.offer(message(3)))
      assert.isFalse(core.offer(message(4)))
    })

    it("of all leaves nothing to take, and all the room", () => {
      const { core, queued } = filled(6)
      for (const message of queued.toReversed()) core.withdraw(message)
      assert.strictEqual(core.depth, 0)
      assert.isUndefined(core.take())
      assert.isUndefined(core.take())
      assert.strictEqual(core.depth, 0)
      for (let n = 10; n < 16; n++) assert.isTrue(core.offer(message(n)))
      assert.isFalse(core.offer(message(16)))
      assert.deepStrictEqual(takeAll(core), [10, 11, 12, 13, 14, 15])
    })

    it("of all, without a take in between, leaves all the room", () => {
      const { core, queued } = filled(6)
      for (const message of queued) core.withdraw(message)
      for (let n = 10; n < 16; n++) assert.isTrue(core.offer(message(n)))
      assert.isFalse(core.offer(message(16)))
      assert.deepStrictEqual(takeAll(core), [10, 11, 12, 13, 14, 15])
    })

    // A pass over the queue for each of them would be 10^10 steps and not end in time.
    it("of very many costs one pass, not one each", () => {
      const count = 200_000
      const { core, queued } = filled(count)
      for (let i = 0; i < count; i += 2) core.withdraw(queued[i]!)
      assert.strictEqual(core.depth, count / 2)
      const results = new Set(Array.from({ length: count / 2 }, (_, n) => core.offer(message(-n))))
      assert.deepStrictEqual([...results], [true])
      assert.isFalse(core.offer(message(1)))
      const taken = takeAll(core)
      assert.strictEqual(taken.length, count)
      assert.strictEqual(taken[0], 1)
      assert.strictEqual(taken[count / 2], 0)
    })
  })

  describe("putBack", () => {
    it("makes messages the next ones, in their order, before what was put back earlier", () => {
      const { core } = filled(5)
      const [zero, one, two] = [core.take()!, core.take()!, core.take()!]
      core.putBack([two])
      core.putBack([zero, one])
      assert.strictEqual(core.depth, 5)
      assert.deepStrictEqual(takeAll(core), [0, 1, 2, 3, 4])
    })

    it("counts against the capacity: what comes meanwhile has the room that is left, and no more", () => {
      const { core } = filled(3)
      const taken = [core.take()!, core.take()!]
      core.putBack(taken)
      assert.isFalse(core.offer(message(9)))
      core.take()
      assert.isTrue(core.offer(message(3)))
      assert.isFalse(core.offer(message(9)))
      assert.deepStrictEqual(takeAll(core), [1, 2, 3])
    })

    it("takes messages back also when their room was taken meanwhile; then nothing comes in", () => {
      const { core } = filled(2)
      const taken = core.take()!
      assert.isTrue(core.offer(message(2)))
      core.putBack([taken])
      assert.strictEqual(core.depth, 3)
      assert.isFalse(core.offer(message(9)))
      core.take()
      assert.isFalse(core.offer(message(9)))
      core.take()
      assert.isTrue(core.offer(message(3)))
      assert.deepStrictEqual(takeAll(core), [2, 3])
    })

    it("and withdrawing what was put back frees its place, whatever else is withdrawn", () => {
      const { core, queued } = filled(4)
      core.putBack([core.take()!, core.take()!])
      core.withdraw(queued[0]!)
      core.withdraw(queued[3]!)
      assert.strictEqual(core.depth, 2)
      assert.isTrue(core.offer(message(4)))
      assert.isTrue(core.offer(message(5)))
      assert.isFalse(core.offer(message(9)))
      assert.deepStrictEqual(takeAll(core), [1, 2, 4, 5])
    })

    it("and shutdown hands back what was put back first", () => {
      const { core, queued } = filled(4)
      core.putBack([core.take()!, core.take()!])
      core.withdraw(queued[1]!)
      assert.deepStrictEqual(numbers(core.shutdown()), [0, 2, 3])
      assert.strictEqual(core.depth, 0)
    })
  })

  describe("shutdown", () => {
    it("hands back what was queued, oldest first, once; it takes nothing in and gives nothing out any more", () => {
      const { core } = filled(3)
      core.take()
      assert.deepStrictEqual(numbers(core.shutdown()), [1, 2])
      assert.strictEqual(core.depth, 0)
      assert.isFalse(core.offer(message(9)))
      assert.isUndefined(core.take())
      assert.deepStrictEqual(core.shutdown(), [])
    })

    it("does not hand back what was withdrawn, before and after a sweep", () => {
      const { core, queued } = filled(5)
      core.withdraw(queued[0]!)
      core.withdraw(queued[3]!)
      core.offer(message(5))
      core.withdraw(queued[2]!)
      assert.deepStrictEqual(numbers(core.shutdown()), [1, 4, 5])
      assert.strictEqual(core.depth, 0)
    })

    it("of what was all withdrawn hands back nothing", () => {
      const { core, queued } = filled(3)
      for (const message of queued) core.withdraw(message)
      assert.deepStrictEqual(core.shutdown(), [])
      assert.strictEqual(core.depth, 0)
      assert.isFalse(core.offer(message(9)))
    })
  })

  const int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
  const step = Schema.Union([
    Schema.Struct({ do: Schema.Literals(["offer", "take"]) }),
    Schema.Struct({ do: Schema.tag("offer") }),
    Schema.Struct({ do: Schema.tag("withdraw"), which: int(0, 20) }),
    Schema.Struct({ do: Schema.Literals(["put aside", "put back"]) }),
    Schema.Struct({ do: Schema.tag("shutdown"), when: int(0, 30) })
  ])

  it.prop(
    "under any order of steps, it does what a plain list does",
    [int(1, 6), Arbitrary.array(Arbitrary.schema(step), { maxLength: 120 })],
    ([capacity, steps]) => {
      const core = new MailboxCore<Message>(capacity)
      let queue: Array<Message> = []
      let aside: Array<Message> = []
      let isOpen = true
      for (const [n, step] of steps.entries()) {
        switch (step.do) {
          case "offer": {
            const one = message(n)
            const fits = isOpen && queue.length < capacity
            assert.strictEqual(core.offer(one), fits)
            if (fits) queue.push(one)
            break
          }
          case "take":
            assert.strictEqual(core.take(), queue.shift())
            break
          case "withdraw": {
            const [one] = queue.splice(step.which % Math.max(1, queue.length), 1)
            if (one === undefined) break
            core.withdraw(one)
            break
          }
          case "put aside": {
            const one = core.take()
            assert.strictEqual(one, queue.shift())
            if (one !== undefined) aside.push(one)
            break
          }
          case "put back":
            // Whoever shuts it down has nothing aside any more.
            if (!isOpen) break
            core.putBack(aside)
            queue.unshift(...aside)
            aside = []
            break
          case "shutdown":
            // Rarely, so that most of a run is spent open.
            if (step.when > 0) break
            assert.deepStrictEqual(core.shutdown(), queue)
            queue = []
            isOpen = false
        }
        assert.strictEqual(core.depth, queue.length)
      }
      assert.deepStrictEqual(core.shutdown(), queue)
    },
    { arbitrary: { runs: 500, size: 120 } }
  )
})
