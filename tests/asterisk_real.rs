//! A real Asterisk on loopback.
