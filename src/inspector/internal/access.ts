/** Who may look, and who may act. */
import type * as Headers from "effect/http/Headers"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as NetAddress from "effect/net/NetAddress"
import type * as Option from "effect/Option"
import * as Result from "effect/Result"

type Request = Pick<HttpServerRequest.HttpServerRequest, "headers" | "remoteAddress" | "peerAddress">

/** Whoever puts one of these on a request has passed it on for somebody else. */
const forwarding = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"]

/**
 * Why a request is not one of this machine's own, or undefined if it is.
 *
 * The address of the peer alone does not do: a page of another site can have a browser on this machine ask, under a name of its own that
 * leads here (DNS rebinding), and a proxy on this machine asks for others. What a forwarding header says is not believed; that there is
 * one is enough.
 */
export const whyNotLocal = ({ headers, peerAddress, remoteAddress }: Request): string | undefined => {
  if (!isLoopback(peerAddress) || !isLoopback(remoteAddress)) return "its peer is not on the loopback interface"
  if (forwarding.some((name) => name in headers)) return "it came by way of a proxy"
  if (!isLoopbackHost(headers["host"])) return "its Host is not a name of the loopback interface"
  return undefined
}

const isLoopback = (address: Option.Option<string>): boolean =>
  address._tag === "Some" && isLoopbackAddress(address.value)

const isLoopbackAddress = (text: string): boolean => {
  const address = NetAddress.ipFromString(text.replace(/^::ffff:(?=\d+\.)/i, ""))
  return Result.isSuccess(address) && NetAddress.isLoopback(address.success)
}

const isLoopbackHost = (host: string | undefined): boolean => {
  const name = /^(?:\[(?<v6>[^\]]*)\]|(?<name>[^:]*))(?::\d*)?$/.exec(host ?? "")?.groups
  if (name === undefined) return false
  return name["v6"] === undefined
    ? name["name"]!.toLowerCase() === "localhost" || isLoopbackAddress(name["name"]!)
    : isLoopbackAddress(name["v6"])
}

/**
 * Whether a page of another site has made the browser send this. No browser lets a page choose `Sec-Fetch-Site` or `Origin`; whoever
 * sends neither is no browser.
 */
export const isCrossSite = (headers: Headers.Headers): boolean => {
  const site = headers["sec-fetch-site"]
  if (site !== undefined && site !== "same-origin" && site !== "none") return true
  const origin = headers["origin"]
  return origin !== undefined && hostOf(origin) !== headers["host"]?.toLowerCase()
}

/** The scheme is left out: the server need not know the one that its proxy is asked by. */
const hostOf = (origin: string): string | undefined =>
  /^https?:\/\/(?<host>[^/?#@]+)$/i.exec(origin)?.groups?.["host"]?.toLowerCase()
