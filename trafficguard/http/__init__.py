"""HTTP/1.1 as values: heads, targets, framing, body readers and the bytes we write.

A request head arrives as one piece of bytes. `head` splits it, after llhttp (httptools) has accepted its grammar;
`target` reads its request target; `framing` decides, in that one place, whether anybody could understand it
differently, and says how long its body is. `body` cuts bodies exactly, `wire` writes heads, `problem` our own errors.

llhttp is used as a judge of request heads only. It has no way to stop at the end of a message, ends a message early
on `Upgrade`, and knows no HEAD for answers; so the ends of messages are found by `body`, which also makes sure
that bytes beyond an answer never reach a client. Nothing here does I/O.
"""
