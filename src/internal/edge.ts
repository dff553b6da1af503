/**
 * Sending from where there is no Effect: callbacks, event emitters, streams, request handlers of other frameworks.
 *
 * It is the same send as that of `ask` and `tell`, with the same checks, deadlines and books; only nobody makes
 * a fiber for it. Where a fiber happens to run, as in an `Effect.sync`, the message is sent on its behalf.
 */
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type { Target } from "./cell.ts"
import { Envelope } from "./envelope.ts"
import type { MessageSpec } from "./protocol.ts"
import { type Refused, send } from "./send.ts"

/** Sends and goes on; gives why the message was not taken in, or undefined. */
export const tellUnsafe = (
  target: Target,
  spec: MessageSpec,
  payload: unknown,
  deadline: Duration.Input | undefined
): Refused | undefined => {
  const sent = send(Fiber.getCurrent(), target, spec, payload, deadline, undefined)
  return sent instanceof Envelope ? undefined : sent
}

/** Calls back once with the answer, and for an interruption when the signal says so first. */
const askWith = (
  target: Target,
  spec: MessageSpec,
  payload: unknown,
  deadline: Duration.Input | undefined,
  signal: AbortSignal | undefined,
  settle: (exit: Exit.Exit<unknown, unknown>) => void
): void => {
  if (signal?.aborted === true) return settle(Exit.interrupt())
  let isSettled = false
  let message: Envelope | undefined = undefined
  const end = (exit: Exit.Exit<unknown, unknown>): void => {
    if (isSettled) return
    isSettled = true
    signal?.removeEventListener("abort", abort)
    settle(exit)
  }
  const abort = (): void => {
    end(Exit.interrupt())
    message?.cancel()
  }
  // An answer that overwrites itself once it is taken is an effect; it does not suspend.
  const sent = send(Fiber.getCurrent(), target, spec, payload, deadline, (answer) => end(Effect.runSyncExit(answer)))
  if (!(sent instanceof Envelope)) return end(Exit.fail(sent))
  if (isSettled) return
  message = sent
  signal?.addEventListener("abort", abort)
}

/** Sends and waits for the answer; what the user's code throws on the way is a defect, as it is in an `ask`. */
export const askPromiseExit = (
  target: Target,
  spec: MessageSpec,
  payload: unknown,
  deadline: Duration.Input | undefined,
  signal: AbortSignal | undefined
): Promise<Exit.Exit<unknown, unknown>> =>
  new Promise((resolve) => {
    try {
      askWith(target, spec, payload, deadline, signal, resolve)
    } catch (defect) {
      resolve(Exit.die(defect))
    }
  })

/** The same; is rejected with the error, or with the signal's reason. */
export const askPromise = (
  target: Target,
  spec: MessageSpec,
  payload: unknown,
  deadline: Duration.Input | undefined,
  signal: AbortSignal | undefined
): Promise<unknown> =>
  new Promise((resolve, reject) => {
    askWith(target, spec, payload, deadline, signal, (exit) => {
      if (Exit.isSuccess(exit)) resolve(exit.value)
      else reject(Cause.hasInterruptsOnly(exit.cause) ? signal?.reason : Cause.squash(exit.cause))
    })
  })
