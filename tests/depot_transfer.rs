//! Images over real HTTP and HTTPS, TFTP and FTP: gate, ranges, resumption, real clients; and configurations handed in.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what a test sets up must stand")]

mod client;
mod configs;
mod curl;
mod fixture;
mod ftp;
mod gate;
mod limits;
mod peers;
mod ranges;
mod tftp;
mod tftp_client;
mod tls;
