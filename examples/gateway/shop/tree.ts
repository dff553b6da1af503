/**
 * Who is restarted with whom.
 *
 * - One who charges cards crashes: it alone is restarted, with backoff; the other three go on (`Tills`, one-for-one).
 * - One crashes too often: all four are taken down and started anew, a few times (`Tills` is a child of `Billing`).
 * - The session crashes: it signs on again, which ends the tokens that the four hold, so they start after it (`Billing`,
 *   rest-for-one).
 * - Nothing helps: `Tills` stays down, orders get 503, stock is served on, and `/readyz` says that it is degraded (`isolate`).
 * - The inventory gives up: without it the service is nothing, so the root fails and the process ends with 1 (`Gateway`).
 */
import { Layer } from "effect"
import { Supervisor } from "ryker"
import { InventoryLayer } from "./inventory.ts"
import { PaymentsLayer } from "./payments.ts"
import { SessionLayer } from "./session.ts"

const Tills = Supervisor.layer("Tills", {
  strategy: "one-for-one",
  intensity: { restarts: 2, window: "1 minute" },
  children: [PaymentsLayer]
})

export class Billing extends Supervisor.Service<Billing>()("Billing") {}

const BillingLayer = Billing.toLayer({
  strategy: "rest-for-one",
  onExhausted: "isolate",
  children: [SessionLayer, Tills.pipe(Layer.provide(SessionLayer))]
})

export const Tree = Supervisor.layer("Gateway", {
  strategy: "one-for-one",
  children: [InventoryLayer, BillingLayer]
})
