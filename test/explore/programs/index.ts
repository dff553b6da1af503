/** All programs, by scenario and name: what is explored, and what planted faults are to be found by. */
import { backpressure, backpressureAndWithdrawal } from "./backpressure.ts"
import { crashAndRedelivery, crashDuringAsk, crashDuringStart, givingUpAgainstAnswer } from "./crashDuringAsk.ts"
import { deadlinesAgainstHandlers } from "./deadlinesAgainstHandlers.ts"
import { deadlock, noDeadlock } from "./deadlock.ts"
import { anything } from "./anything.ts"
import {
  groupRestart,
  groupRestartAgainstEscalation,
  groupRestartAgainstReplacement,
  groupRestartAgainstStop
} from "./groupRestart.ts"
import { passivationAgainstRoom, passivationAgainstSend } from "./passivationAgainstSend.ts"
import { reloadOfColdKeys, reloadOfHotKeys } from "./reloadAgainstSend.ts"
import { drainAgainstWithdrawal, drainInHaste, restartAgainstDrain } from "./restartAgainstDrain.ts"
import { restartWindow } from "./restartWindow.ts"
import { routerCrash } from "./routerCrash.ts"
import { startAgainstStop } from "./startAgainstStop.ts"
import { stashAgainstCrash, stashAndRedelivery, stashAndWithdrawal } from "./stashAgainstCrash.ts"
import { drainAgainstDrain, stopAgainstStop, stopAgainstWithdrawal } from "./stopAgainstStop.ts"
import { suspendAgainstStop } from "./suspendAgainstStop.ts"
import { timersAgainstCancel, timersAgainstRestart } from "./timersAgainstRestart.ts"
import { unwatchAgainstStop, watchAgainstStop, watchFromWithin } from "./watchAgainstStop.ts"
import type { Program } from "./world.ts"

export const scenarios = {
  backpressure: {
    "backpressure, room for 1": backpressure(1),
    "backpressure, room for 2": backpressure(2),
    "backpressure, room for 3": backpressure(3),
    "backpressure, withdrawal": backpressureAndWithdrawal
  },
  crashDuringAsk: {
    "crash during ask": crashDuringAsk,
    "giving up against an answer": givingUpAgainstAnswer,
    redelivery: crashAndRedelivery,
    "crash during start": crashDuringStart
  },
  restartAgainstDrain: {
    "restart against drain": restartAgainstDrain,
    "drain in haste": drainInHaste,
    "drain against withdrawal": drainAgainstWithdrawal
  },
  passivationAgainstSend: {
    "passivation against send": passivationAgainstSend,
    "passivation against room": passivationAgainstRoom
  },
  reloadAgainstSend: {
    "reload, hot keys": reloadOfHotKeys,
    "reload, cold keys": reloadOfColdKeys
  },
  watchAgainstStop: {
    "watch against stop": watchAgainstStop,
    "watch from within": watchFromWithin,
    "unwatch against stop": unwatchAgainstStop
  },
  groupRestart: {
    "group restart, one for all": groupRestart("one-for-all"),
    "group restart, rest for one": groupRestart("rest-for-one"),
    "group restart, against escalation": groupRestartAgainstEscalation,
    "group restart, against stop": groupRestartAgainstStop,
    "group restart, against replacement": groupRestartAgainstReplacement
  },
  restartWindow: {
    "restart window": restartWindow
  },
  timersAgainstRestart: {
    "timers against restart": timersAgainstRestart,
    "timers against cancel": timersAgainstCancel
  },
  stashAgainstCrash: {
    "stash against crash": stashAgainstCrash,
    "stash and redelivery": stashAndRedelivery,
    "stash and withdrawal": stashAndWithdrawal
  },
  stopAgainstStop: {
    "stop against stop": stopAgainstStop,
    "drain against drain": drainAgainstDrain,
    "stop against withdrawal": stopAgainstWithdrawal
  },
  suspendAgainstStop: {
    "suspend against stop": suspendAgainstStop
  },
  deadlinesAgainstHandlers: {
    "deadlines against handlers": deadlinesAgainstHandlers
  },
  routerCrash: { "router crash": routerCrash },
  deadlock: {
    deadlock: deadlock,
    "no deadlock": noDeadlock
  },
  anything: {
    "anything, one for one": anything("one-for-one"),
    "anything, one for all": anything("one-for-all"),
    "anything, rest for one": anything("rest-for-one")
  },
  startAgainstStop: {
    "start against stop": startAgainstStop
  }
} satisfies Readonly<Record<string, Readonly<Record<string, Program>>>>

export const programs: Readonly<Record<string, Program>> = Object.assign({}, ...Object.values(scenarios))
