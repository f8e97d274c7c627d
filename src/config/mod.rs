//! Reads sipherd.toml, the inventory and the policies.
