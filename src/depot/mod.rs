//! Staged firmware and the gate in front of it.
