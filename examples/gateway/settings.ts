/** The gateway's own settings, from the environment. ryker's are in the file that `SETTINGS` names, see docs/configuration.md. */
import { Config, Schema } from "effect"
import { fileURLToPath } from "node:url"

/** 0 is any port that is free. */
const port = (name: string, otherwise: number) =>
  Config.schema(
    Schema.NumberFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 0, maximum: 65_535 })),
    name
  ).pipe(Config.withDefault(otherwise))

export const settings = Config.all({
  host: Config.String("HOST").pipe(Config.withDefault("127.0.0.1")),
  port: port("PORT", 8080),
  metricsPort: port("METRICS_PORT", 9464),
  /** Followed while the service runs. */
  file: Config.String("SETTINGS").pipe(Config.withDefault(fileURLToPath(new URL("gateway.toml", import.meta.url)))),
  /** Whether there are endpoints that make things go wrong, and controls in the inspector. */
  drills: Config.Boolean("DRILLS").pipe(Config.withDefault(false)),
  /** How long requests are served after the signal, until whoever sends them has noticed. */
  grace: Config.Duration("GRACE").pipe(Config.withDefault("2 seconds")),
  /** From the signal to the end of the process. */
  deadline: Config.Duration("SHUTDOWN_DEADLINE").pipe(Config.withDefault("25 seconds")),
  /** How long the metrics wait, at the end, to be scraped once more. */
  lastScrape: Config.Duration("LAST_SCRAPE").pipe(Config.withDefault("0 seconds"))
})

export const bank = Config.all({
  crashRate: Config.Number("BANK_CRASH_RATE").pipe(Config.withDefault(0.01)),
  latency: Config.Int("BANK_LATENCY_MS").pipe(Config.withDefault(5)),
  seed: Config.Int("BANK_SEED").pipe(Config.withDefault(1))
})
