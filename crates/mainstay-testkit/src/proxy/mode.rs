//! What the proxy does to connections.

use std::time::Duration;

/// How the proxy treats all connections until told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Everything passes.
    Forward,
    /// Every piece of data waits this long, in both directions.
    Latency(Duration),
    /// Connections are accepted and stay open, but nothing passes. What was sent meanwhile passes
    /// once the mode changes.
    Hang,
    /// Replies disappear, requests pass, connections stay open.
    SwallowReplies,
    /// New connections are refused, as by a machine on which nothing listens. Those that exist go on.
    Refuse,
    /// New connections are not answered, as behind a firewall that drops what passes: a client dials
    /// until it gives up. Those that exist go on.
    Ignore,
}

/// How a connection is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// In an orderly way, as by a process that ended: the client reads end of file.
    Close,
    /// By a reset, as by a machine that knows nothing of the connection.
    Reset,
}

/// What happens once, to one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection ends before the request reaches the server.
    LoseRequest(Ending),
    /// The request reaches the server, the connection ends when its reply arrives.
    LoseReply(Ending),
}
