/** Erlang/OTP's `gen_server`, on one scheduler; the workloads are in `erlang/bench.erl`. */
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { deadlineMillis, type ForeignPeer, quickDeadlineMillis } from "../workload.ts"

const source = join(import.meta.dirname, "erlang", "bench.erl")

const compile = (folder: string, deadline: number): void => {
  if (existsSync(join(folder, "bench.beam"))) return
  const args = ["-Werror", `-DDEADLINE=${deadline}`, "-o", folder, source]
  const { status, stdout, stderr } = spawnSync("erlc", args, { encoding: "utf8" })
  if (status !== 0) throw new Error(`erlc: ${stdout}${stderr}`)
}

const peer: ForeignPeer = {
  kind: "foreign",
  title: "Erlang/OTP gen_server",
  guarantees: {
    bounded: [false, "grows"],
    deadline: [true, "the asker gives up; the message runs"],
    supervised: [true, "restart at once with a limit; queue lost, asker told"],
    ownTurn: [true, "a process of its own, preempted"]
  },
  missing: () =>
    spawnSync("erl", ["-version"]).status === 0 ? undefined : "erl is not installed (scripts/install-erlang.sh)",
  command: (folder, { quick, row, workload }) => {
    compile(folder, quick ? quickDeadlineMillis : deadlineMillis)
    const { count, size } = row
    // One scheduler, no shell, no log of crashes; more processes than the default allows.
    const emulator = "+S 1:1 +P 1000000 -noshell -boot start_clean -kernel logger_level none -s bench main"
    const run = [workload, size ?? 0, (quick ? row.quick : count) ?? 0, quick ? "quick" : "full"]
    return ["erl", ...emulator.split(" "), "-pa", folder, "-extra", ...run.map(String)]
  }
}

export default peer
