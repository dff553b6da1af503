/** Erlang/OTP's `gen_server`, on one scheduler; the workloads are in `erlang/bench.erl`. */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { deadlineMillis, type ForeignPeer, quickDeadlineMillis, roundMillis, warmUpMillis } from "../workload.ts"

const source = join(import.meta.dirname, "erlang", "bench.erl")

const compile = (folder: string, burst: number, deadline: number): void => {
  if (existsSync(join(folder, "bench.beam"))) return
  mkdirSync(folder, { recursive: true })
  const limits = { BURST: burst, DEADLINE: deadline, ROUND: roundMillis, WARM_UP: warmUpMillis }
  const defines = Object.entries(limits).map(([name, value]) => `-D${name}=${value}`)
  const args = ["-Werror", ...defines, "-o", folder, source]
  const { status, stdout, stderr } = spawnSync("erlc", args, { encoding: "utf8" })
  if (status !== 0) throw new Error(`erlc: ${stdout}${stderr}`)
}

/** With producers that yield after so many messages to an actor; 0 for those that do not. */
export const erlangWith = (title: string, burst: number): ForeignPeer => ({
  kind: "foreign",
  title,
  guarantees: {
    bounded: [false, "grows"],
    deadline: [true, "the asker gives up; the message runs"],
    supervised: [true, "restart at once with a limit; queue lost, asker told"],
    ownTurn: [true, "a process of its own, preempted"]
  },
  missing: () =>
    spawnSync("erl", ["-version"]).status === 0 ? undefined : "erl is not installed (scripts/install-erlang.sh)",
  command: (parent, { quick, row, workload }) => {
    const folder = join(parent, `erlang-${burst}`)
    compile(folder, burst, quick ? quickDeadlineMillis : deadlineMillis)
    const { count, size } = row
    // One scheduler, no shell, no log of crashes; more processes than the default allows.
    const emulator = "+S 1:1 +P 1000000 -noshell -boot start_clean -kernel logger_level none -s bench main"
    const run = [workload, size ?? 0, (quick ? row.quick : count) ?? 0, quick ? "quick" : "full"]
    return ["erl", ...emulator.split(" "), "-pa", folder, "-extra", ...run.map(String)]
  }
})

export default erlangWith("Erlang/OTP gen_server", 0)
