/** fastq: a work queue, here one of a single worker for each actor. */
import fastq from "fastq"
import type { PlainPeer } from "../workload.ts"

const ignore = () => {}

const peer: PlainPeer<fastq.queue<number, number>> = {
  kind: "plain",
  title: "fastq",
  guarantees: {
    bounded: [false, "grows"],
    deadline: [false, "the asker waits"],
    supervised: [false, "the sender is thrown at, the queue stands still"],
    ownTurn: [false, "inside the send when idle"]
  },
  // Its callbacks cost less than its Promises, which are for handlers that wait.
  spawn: (handler) => {
    const wait = async (answer: Promise<number>, done: fastq.done<number>) => done(null, await answer)
    return fastq<unknown, number, number>((n, done) => {
      const answer = handler(n)
      if (typeof answer === "number") done(null, answer)
      else void wait(answer, done)
    }, 1)
  },
  tell: (queue, n) => {
    queue.push(n, ignore)
    return true
  },
  ask: (queue, n) =>
    new Promise((resolve, reject) =>
      queue.push(n, (error, answer) => (error === null ? resolve(answer!) : reject(error)))
    ),
  stop: ignore
}

export default peer
