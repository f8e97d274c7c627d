//! The AMI adapter against recorded traffic of real Asterisks.
