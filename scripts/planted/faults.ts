/**
 * Faults that somebody might make in the run loop, as data. Each is about an order of things that seldom comes: so that plain
 * tests, which see one order, have a hard time with it.
 *
 * `find` must occur exactly once in `file`. Where a change of the source makes it not so, plant the fault anew: the same mistake
 * in the new code.
 */
export interface Fault {
  /** What the mistake is. */
  readonly name: string
  /** The sentence of `docs/semantics.md`, or of the code, that does not hold any more. */
  readonly breaks: string
  /** The program that is explored first: most likely it finds the fault. All others are explored if it does not. */
  readonly program: string
  /** Below `src`. */
  readonly file: string
  readonly find: string
  readonly replace: string
}

export const faults: ReadonlyArray<Fault> = [
  {
    name: "a lost wake-up",
    breaks: "a stop that waits for the queue goes on when the last message leaves it before its turn",
    program: "stop against withdrawal",
    file: "internal/actorCell.ts",
    find: "    this.drop(message, reason)\n    if (this.isIdle) this.rest()",
    replace: "    this.drop(message, reason)"
  },
  {
    name: "a supervisor that is not told",
    breaks: "a group starts when the last of it is down",
    program: "group restart, one for all",
    file: "internal/actorCell.ts",
    find: "    this.haltedOnce?.tell()\n    this.supervisor?.changed()",
    replace: "    this.haltedOnce?.tell()"
  },
  {
    name: "a double settle",
    breaks: "an asker that is interrupted when its answer is on the way has its answer, and is not dropped as well",
    program: "giving up against an answer",
    file: "internal/actorCell.ts",
    find: 'else if (message.phase !== "Gone") this.withdraw(message, "interrupted")',
    replace: 'else if (message.phase !== "Gone" || message.deliveries > 0) this.withdraw(message, "interrupted")'
  },
  {
    name: "a drain that misses the message in hand",
    breaks: "a drain waits until no actor has anything queued or in hand",
    program: "drain against withdrawal",
    file: "internal/actorCell.ts",
    find: "    this.drop(message, reason)\n    if (this.isIdle) this.rest()",
    replace: "    this.drop(message, reason)\n    if (this.depth === 0) this.rest()"
  },
  {
    name: "a drain that begins one more",
    breaks: "after the deadline of a drain no message is begun",
    program: "drain in haste",
    file: "internal/actorCell.ts",
    find: "if (runtime.isDrainOver) break",
    replace: "if (runtime.isDrainOver && handled > 0) break"
  },
  {
    name: "an off-by-one in the restart window",
    breaks: "a restart at t counts while now - t < window",
    program: "restart window",
    file: "RestartWindow.ts",
    find: "now - at >= window)",
    replace: "now - at > window)"
  },
  {
    name: "a timer after a restart",
    breaks: "what a fiber starts that outlives its incarnation does not run",
    program: "timers against restart",
    file: "internal/actorTimers.ts",
    find: "    if (this.incarnation.isOver) return\n    this.cancel(key)",
    replace: "    this.cancel(key)"
  },
  {
    name: "a timer after its cancellation",
    breaks: "no run of a timer that was cancelled begins, also if it waits for its turn already",
    program: "timers against cancel",
    file: "internal/actorTimers.ts",
    find: "    this.isStale = true\n    this.owner.timers.remove(this)",
    replace: "    this.owner.timers.remove(this)"
  },
  {
    name: "a missed Down",
    breaks: "a Down that comes while the watching incarnation starts waits until it is ready",
    program: "watch from within",
    file: "internal/actorCell.ts",
    find: 'if (this.phase !== "Running" && this.phase !== "Starting") return\n    this.jobs ??=',
    replace: 'if (this.phase !== "Running") return\n    this.jobs ??='
  },
  {
    name: "a withdrawn message that runs",
    breaks: "a message that was put back and then withdrawn does not run, also when its place was wanted",
    program: "redelivery",
    file: "internal/mailboxCore.ts",
    find: "    if (this.front.length > 0) this.front = this.front.filter((message) => !withdrawn.has(message))\n",
    replace: ""
  },
  {
    name: "a crash that loses the message behind it",
    breaks: "the queue survives a crash, also what was put back before",
    program: "stash and redelivery",
    file: "internal/mailboxCore.ts",
    find: "this.front = [...messages, ...this.front]",
    replace: "this.front = [...messages]"
  },
  {
    name: "an answer of the wrong phase",
    breaks: "a message that has begun and waits to be delivered again times out as running",
    program: "redelivery",
    file: "internal/actorCell.ts",
    find: 'message.phase === "InHand" || message.deliveries > 0',
    replace: 'message.phase === "InHand"'
  },
  {
    name: "a passivation that drops a message",
    breaks: "a message that comes while the actor closes starts the next incarnation",
    program: "passivation against send",
    file: "internal/lifecycle.ts",
    find: 'if (cell.isIdle && !cell.suspended) return yield* this.end("Passivated")',
    replace: 'if (!cell.suspended) return yield* this.end("Passivated")'
  },
  {
    name: "a passivation in the middle of work",
    breaks: "only an actor with nothing queued and nothing in hand is passivated",
    program: "passivation against send",
    file: "internal/actorCell.ts",
    find: 'if (this.phase !== "Running" || !this.isIdle || this.suspended) return',
    replace: 'if (this.phase !== "Running" || this.depth > 0 || this.suspended) return'
  },
  {
    name: "a reload applied by halves",
    breaks: "a reload is applied in one step",
    program: "reload, hot keys",
    file: "internal/reload.ts",
    find: "    runtime.settings = settingsOf(config, runtime.settings, runtime.ownsStash)",
    replace: `    runtime.schedule(() => {
      runtime.settings = settingsOf(config, runtime.settings, runtime.ownsStash)
    })`
  },
  {
    name: "a capacity off by one",
    breaks: "at most capacity messages are queued, also when some were put back",
    program: "redelivery",
    file: "internal/mailboxCore.ts",
    find: "(this.held >= this.capacity && !this.sweep())",
    replace: "(this.held - this.front.length >= this.capacity && !this.sweep())"
  },
  {
    name: "an incarnation beside the old one",
    breaks: "a build that cannot be interrupted has ended before the next one begins",
    program: "crash during start",
    file: "internal/lifecycle.ts",
    find: "if (!(yield* this.changes.waitUntil(isDone, () => cell.stopRequest?.at ?? Infinity)))",
    replace: "if (!(yield* this.changes.waitUntil(isDone, () => cell.stopRequest?.at ?? deadline + 1)))"
  },
  {
    name: "a halt before the Scope is closed",
    breaks: "a group is down, all its Scopes closed, before any of it starts",
    program: "group restart, one for all",
    file: "internal/lifecycle.ts",
    find: "        yield* this.changes.waitUntil(isClosed, until)\n",
    replace: "        if (cell.haltRequest === undefined) yield* this.changes.waitUntil(isClosed, until)\n"
  },
  {
    name: "a child that is not told twice",
    breaks: "a child that was stopped and started anew while its group goes down is taken down with it",
    program: "group restart, against replacement",
    file: "internal/supervision.ts",
    find: "(isDown(last) || !isToldToEnd(last))",
    replace: "isDown(last)"
  },
  {
    name: "expired work that runs",
    breaks: "the deadline is looked at once more when a message is taken from the mailbox",
    program: "deadlines against handlers",
    file: "internal/actorCell.ts",
    find: "message.at <= this.begunAt) {",
    replace: "message.at < this.begunAt) {"
  },
  {
    name: "an ask that is over and waited for",
    breaks: "a handler waits for nothing any more that has answered, and closes no cycle",
    program: "no deadlock",
    file: "internal/envelope.ts",
    find: "    this.resume = undefined\n    this.forgetAsk()\n    this.cell.runtime.answer",
    replace: "    this.resume = undefined\n    this.cell.runtime.answer"
  },
  {
    name: "the later of two stops",
    breaks: "of two stops the earlier deadline holds",
    program: "stop against stop",
    file: "internal/actorCell.ts",
    find: "at: Math.min(at, first?.at ?? at),",
    replace: "at,"
  },
  {
    name: "a drain that keeps to the first deadline",
    breaks: "of two drains the earlier deadline holds, also for the one that waits already",
    program: "drain against drain",
    file: "internal/changes.ts",
    find: "if (at === this.at && this.place >= 0) return",
    replace: "if (this.place >= 0) return"
  },
  {
    name: "a halt that takes no stash along",
    breaks: "when an incarnation ends, all that was put aside goes back to the front of the mailbox",
    program: "stash against crash",
    file: "internal/actorCell.ts",
    find: "    this.passivating = false\n    this.unstashAll()\n",
    replace: "    this.passivating = false\n"
  }
]

/** The source with the fault in it. */
export const plant = (source: string, { file, find, name, replace }: Fault): string => {
  const parts = source.split(find)
  if (parts.length !== 2) {
    throw new Error(
      `"${name}" cannot be planted: what it looks for occurs ${parts.length - 1} times in src/${file}, not once. ` +
        "The source has changed: look at scripts/planted/faults.ts, and make the same mistake in the new code.\n" +
        `It looks for:\n${find}`
    )
  }
  return parts.join(replace)
}
