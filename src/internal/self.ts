/** What an actor knows of itself. */
import * as Context from "effect/Context"
import type { Incarnation } from "./incarnation.ts"

/**
 * Who the current actor is, for `build` and handlers.
 *
 * @category services
 * @since 0.1.0
 */
export class Self extends Context.Service<
  Self,
  {
    /** The definition's name. */
    readonly name: string
    /**
     * The name, and after a number sign the number of a spawned actor, or after a slash the id of a keyed one or
     * the number of a pool's member.
     */
    readonly address: string
    /** The id of a keyed actor; undefined for others. */
    readonly id: string | undefined
    /** Which incarnation this is, counted from 1. */
    readonly incarnation: number
  }
>()("ryker/Actor/Self") {}

/** An actor's name is its group's: that under which it is counted. */
export const selfOf = ({ cell, number }: Incarnation, id?: string): Self["Service"] => ({
  name: cell.options.group.name,
  address: cell.address,
  id,
  incarnation: number
})
