//! kill -9 at random instants.
