/**
 * The same where producers could outrun an actor, at its best: whoever sends more than there is time to handle fills a queue that
 * is not bounded, and a long one costs. These yield as soon as they have sent what the mailboxes of others hold.
 */
import { defaultCapacity } from "../workload.ts"
import { erlangWith } from "./erlang.ts"

export default erlangWith("Erlang/OTP, producers that yield", defaultCapacity)
