//! The HTTP API of the daemon, one file per noun.
