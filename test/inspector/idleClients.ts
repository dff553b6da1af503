// Opens event streams and holds them: `node idleClients.ts <url> <count>`. Prints "open" when all have got their first bytes, and then
// "ended <n>" when all have been closed by the server, n of them with the end of a whole response.
import { connect } from "node:net"

const [url, count] = [new URL(process.argv[2]!), Number(process.argv[3])]
const atOnce = 200
let started = 0
let opened = 0
let closed = 0
let whole = 0

const open = (): void => {
  if (started === count) return
  started++
  let isOpen = false
  let last = ""
  const socket = connect({ host: url.hostname, port: Number(url.port) }, () => {
    socket.write(`GET ${url.pathname}${url.search} HTTP/1.1\r\nhost: ${url.host}\r\n\r\n`)
  })
  socket.on("data", (chunk) => {
    last = (last + String(chunk)).slice(-16)
    if (isOpen || !String(chunk).includes("retry:")) return
    isOpen = true
    opened++
    if (opened === count) console.log("open")
    open()
  })
  socket.on("error", () => {})
  socket.on("close", () => {
    closed++
    // The chunk that ends a body of chunks.
    if (last.endsWith("0\r\n\r\n")) whole++
    if (closed === count) console.log(`ended ${whole}`)
  })
}

for (let n = 0; n < atOnce; n++) open()
