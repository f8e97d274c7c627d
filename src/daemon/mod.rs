//! Boot order, orchestrator, metrics.
