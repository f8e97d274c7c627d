//! Exact bytes out, awkward bytes in, recorded traffic, resend times against the RFC.
